/// A number of bytes: `65536`, `512MiB`, `4GiB`, `1G`, `1.5GiB`.
///
/// As in coreutils, `K`, `M`, `G`, `T`, `P`, alone or with `iB`, are powers of 1,024, and `KB`, `MB` and so on are powers of
/// 1,000. Case does not matter.
public enum SizeExpression {
    public static func parse(_ text: String) throws(ExpressionError) -> UInt64 {
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        guard scanner.isAtDigit else {
            let detail =
                scanner.isAtEnd
                ? "it is empty"
                : scanner.next == 0x2D ? "it cannot be negative" : "it does not begin with a number"
            throw ExpressionError(.size, detail: detail)
        }
        guard let whole = scanner.takeDigits(1...18) else {
            throw ExpressionError(.size, detail: "it is too large")
        }
        guard let billionths = scanner.takeFraction() else {
            throw ExpressionError(.size, detail: "no digit follows the point")
        }
        scanner.skipSpaces()
        let word = scanner.takeWord()
        guard let unit = bytes(ofUnit: word) else {
            throw ExpressionError(
                .size, detail: "unknown unit \(ExpressionError.quoted(word))")
        }
        scanner.skipSpaces()
        guard scanner.isAtEnd else {
            throw ExpressionError(
                .size, detail: "\(ExpressionError.quoted(scanner.rest)) is unexpected")
        }
        let product = whole.multipliedReportingOverflow(by: unit)
        let part = DurationExpression.fraction(billionths, of: unit)
        let sum = product.partialValue.addingReportingOverflow(part)
        guard !product.overflow && !sum.overflow else {
            throw ExpressionError(.size, detail: "it is too large")
        }
        return UInt64(sum.partialValue)
    }

    private static func bytes(ofUnit word: String) -> Int64? {
        switch word.lowercased() {
        case "", "b", "byte", "bytes": 1
        case "k", "kib": 1 << 10
        case "m", "mib": 1 << 20
        case "g", "gib": 1 << 30
        case "t", "tib": 1 << 40
        case "p", "pib": 1 << 50
        case "kb": 1000
        case "mb": 1_000_000
        case "gb": 1_000_000_000
        case "tb": 1_000_000_000_000
        case "pb": 1_000_000_000_000_000
        default: nil
        }
    }
}

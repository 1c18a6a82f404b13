/// A duration: `250ms`, `90m`, `1h30m`, `1.5h`, `30d`, `2 weeks`, `2 weeks 3 days`.
///
/// Units and their lengths are systemd's, with a month of 30.4375 days and a year of 365.25. As in systemd, `M` means months and
/// `m` minutes; case does not matter in longer names.
public enum DurationExpression {
    /// The duration in microseconds; never negative. A lone `0` needs no unit.
    public static func parse(_ text: String) throws(ExpressionError) -> Int64 {
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        if scanner.rest.allSatisfy({ $0 == "0" || $0 == " " }) && scanner.isAtDigit { return 0 }
        let reading = read(&scanner)
        guard case .success(let microseconds) = reading else {
            throw ExpressionError(.duration, detail: reading.detail)
        }
        scanner.skipSpaces()
        guard scanner.isAtEnd else {
            let detail =
                scanner.next == 0x2D
                ? "it cannot be negative" : "\(ExpressionError.quoted(scanner.rest)) is unexpected"
            throw ExpressionError(.duration, detail: detail)
        }
        return microseconds
    }

    enum Reading {
        case success(Int64)
        case failure(String)

        var detail: String {
            if case .failure(let detail) = self { return detail }
            return ""
        }
    }

    /// Reads amounts with units for as long as digits follow, and adds them up.
    static func read(_ scanner: inout TextScanner) -> Reading {
        guard scanner.isAtDigit else {
            if scanner.isAtEnd { return .failure("it is empty") }
            return .failure(
                scanner.next == 0x2D ? "it cannot be negative" : "it does not begin with a number")
        }
        var total: Int64 = 0
        while scanner.isAtDigit {
            guard let whole = scanner.takeDigits(1...18) else { return .failure("it is too long") }
            guard let billionths = scanner.takeFraction() else {
                return .failure("no digit follows the point")
            }
            scanner.skipSpaces()
            let word = scanner.takeWord()
            guard let unit = microseconds(ofUnit: word) else {
                return .failure(
                    word.isEmpty
                        ? "a number has no unit" : "unknown unit \(ExpressionError.quoted(word))")
            }
            let product = whole.multipliedReportingOverflow(by: unit)
            let part = fraction(billionths, of: unit)
            let sum = product.partialValue.addingReportingOverflow(part)
            let next = total.addingReportingOverflow(sum.partialValue)
            guard !product.overflow && !sum.overflow && !next.overflow else {
                return .failure("it is too long")
            }
            total = next.partialValue
            // Spaces not followed by another amount are left to the caller.
            let end = scanner.position
            scanner.skipSpaces()
            if !scanner.isAtDigit { scanner.rewind(to: end) }
        }
        return .success(total)
    }

    /// Billionths of a unit, rounded down; the product can exceed 64 bits.
    static func fraction(_ billionths: Int64, of unit: Int64) -> Int64 {
        let product = billionths.multipliedFullWidth(by: unit)
        let divisor: Int64 = 1_000_000_000
        return divisor.dividingFullWidth(product).quotient
    }

    private static func microseconds(ofUnit word: String) -> Int64? {
        if word == "M" { return 2_629_800_000_000 }
        switch word.count == 1 ? word : word.lowercased() {
        case "us", "usec", "µs", "μs", "microsecond", "microseconds": return 1
        case "ms", "msec", "millisecond", "milliseconds": return 1000
        case "s", "sec", "secs", "second", "seconds": return 1_000_000
        case "m", "min", "mins", "minute", "minutes": return 60_000_000
        case "h", "hr", "hrs", "hour", "hours": return 3_600_000_000
        case "d", "day", "days": return 86_400_000_000
        case "w", "week", "weeks": return 604_800_000_000
        case "month", "months": return 2_629_800_000_000
        case "y", "year", "years": return 31_557_600_000_000
        default: return nil
        }
    }
}

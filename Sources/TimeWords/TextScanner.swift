/// A cursor over what a user typed. Every `take` moves past what it returns, and does not move if it finds nothing.
struct TextScanner {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    /// The byte at the cursor; 0 at the end.
    var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    var isAtDigit: Bool { next >= 0x30 && next <= 0x39 }

    /// The text after the cursor.
    var rest: String { String(decoding: bytes[position...], as: UTF8.self) }

    mutating func rewind(to position: Int) { self.position = position }

    @discardableResult
    mutating func skipSpaces() -> Bool {
        let start = position
        while next == 0x20 || next == 0x09 { position += 1 }
        return position > start
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(truncatingIfNeeded: character.value) && !isAtEnd else { return false }
        position += 1
        return true
    }

    /// A whole number with this many digits.
    mutating func takeDigits(_ count: ClosedRange<Int>) -> Int64? {
        let start = position
        var value: Int64 = 0
        while isAtDigit && position - start < count.upperBound {
            value = value * 10 + Int64(next - 0x30)
            position += 1
        }
        guard position - start >= count.lowerBound && !isAtDigit else {
            position = start
            return nil
        }
        return value
    }

    /// Letters and non-ASCII bytes; may be empty.
    mutating func takeWord() -> String {
        let start = position
        while next >= 0x80 || (next | 0x20 >= 0x61 && next | 0x20 <= 0x7A) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// The digits after a point or comma, as billionths; 0 if there is no point, nil if no digit follows it. Digits past the
    /// ninth are ignored.
    mutating func takeFraction() -> Int64? {
        let start = position
        guard take(".") || take(",") else { return 0 }
        var value: Int64 = 0
        var digits = 0
        while isAtDigit {
            if digits < 9 { value = value * 10 + Int64(next - 0x30) }
            digits += 1
            position += 1
        }
        guard digits > 0 else {
            position = start
            return nil
        }
        for _ in 0..<max(0, 9 - digits) { value *= 10 }
        return value
    }
}

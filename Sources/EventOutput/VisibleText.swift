import TimeWords

/// Text for people: what could change a terminal is shown as an escape, as in `\n`, `\x1b` or
/// `\u{202e}`.
///
/// A backslash is doubled, so that no text can look like an escape that it is not. Bytes that are
/// no UTF-8 are shown as `\xff`.
public enum VisibleText {
    /// The text, and how many columns of a terminal it takes. It is cut, with an ellipsis, before
    /// it would take more columns than the limit.
    public static func escaped(
        _ utf8: [UInt8], limit: Int = .max
    ) -> (bytes: [UInt8], columns: Int) {
        if utf8.count <= limit && utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x5C }) {
            return (utf8, utf8.count)
        }
        var result: [UInt8] = []
        result.reserveCapacity(utf8.count)
        var columns = 0
        var cursor = UTF8Cursor()
        while cursor.position < utf8.count {
            let (scalar, range) = cursor.next(in: utf8)
            let shown: [UInt8]
            let width: Int
            if let scalar, !UnsafeScalars.contains(scalar), scalar != 0x5C {
                shown = Array(utf8[range])
                width = DisplayWidth.columns(of: scalar)
            } else {
                let escape = scalar.map(escape(of:)) ?? utf8[range].map { "\\x" + hex($0) }.joined()
                shown = Array(escape.utf8)
                width = shown.count
            }
            let isLast = cursor.position == utf8.count
            if width > limit - columns - (isLast ? 0 : 1) {
                result += "…".utf8
                columns += 1
                break
            }
            result += shown
            columns += width
        }
        return (result, columns)
    }

    private static func escape(of scalar: UInt32) -> String {
        switch scalar {
        case 0x5C: "\\\\"
        case 0x09: "\\t"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0..<0x80: "\\x" + hex(UInt8(scalar))
        default: "\\u{" + String(scalar, radix: 16) + "}"
        }
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

/// Text for people: whatever could affect a terminal is shown as an escape, such as `\n`, `\x1b` or `\u{202e}`.
///
/// A backslash is doubled, so that no text can pass for an escape. Bytes that are not UTF-8 are shown as `\xff`.
public enum VisibleText {
    /// The text, and how many terminal columns it takes; cut, with an ellipsis, if it would exceed the limit.
    public static func escaped(_ utf8: [UInt8], limit: Int = .max) -> (bytes: [UInt8], columns: Int) {
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
                width = Self.columns(of: scalar)
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

    public static func escaped(_ text: String, limit: Int = .max) -> String {
        String(decoding: escaped(Array(text.utf8), limit: limit).bytes, as: UTF8.self)
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

    /// How many terminal columns a character takes, accurate enough to keep a table straight.
    static func columns(of scalar: UInt32) -> Int {
        switch scalar {
        case 0..<0x300: 1
        // Combining marks, joiners and variation selectors.
        case 0x300...0x36F, 0x483...0x489, 0x591...0x5BD, 0x64B...0x65F, 0x200B...0x200D: 0
        case 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xFE20...0xFE2F, 0xE0100...0xE01EF: 0
        // East Asian wide and fullwidth forms, and emoji.
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3: 2
        case 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6: 2
        case 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD: 2
        default: 1
        }
    }
}

/// Characters that could change what a terminal shows or does, and so never reach one raw.
public enum UnsafeScalars {
    /// C0 and C1 controls, DEL, line and paragraph separators, everything that changes text direction, and the invisible tags,
    /// marks and annotations. Joiners are left alone: emoji and several scripts need them.
    public static func contains(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x206F: true
        case 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: true
        default: false
        }
    }
}

/// Walks over bytes that should be UTF-8, one character at a time, and reports those that are not.
public struct UTF8Cursor {
    public private(set) var position = 0

    public init() {}

    /// The next character of `bytes` and the range of bytes it takes; advances the cursor past it. The scalar is nil for bytes
    /// that are not UTF-8: the longest valid prefix of a character, or one byte, as Unicode recommends. The cursor must not be at
    /// the end.
    public mutating func next(in bytes: [UInt8]) -> (scalar: UInt32?, range: Range<Int>) {
        let start = position
        let lead = bytes[start]
        position += 1
        if lead < 0x80 { return (UInt32(lead), start..<position) }

        // The limits on the second byte exclude overlong forms, surrogates and anything past U+10FFFF.
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        let following: Int
        var scalar: UInt32
        switch lead {
        case 0xC2...0xDF: (following, scalar) = (1, UInt32(lead & 0x1F))
        case 0xE0...0xEF:
            (following, scalar) = (2, UInt32(lead & 0x0F))
            if lead == 0xE0 { lowest = 0xA0 }
            if lead == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            (following, scalar) = (3, UInt32(lead & 0x07))
            if lead == 0xF0 { lowest = 0x90 }
            if lead == 0xF4 { highest = 0x8F }
        default: return (nil, start..<position)
        }
        for _ in 0..<following {
            guard position < bytes.count, bytes[position] >= lowest, bytes[position] <= highest else {
                return (nil, start..<position)
            }
            scalar = scalar << 6 | UInt32(bytes[position] & 0x3F)
            position += 1
            (lowest, highest) = (0x80, 0xBF)
        }
        return (scalar, start..<position)
    }
}

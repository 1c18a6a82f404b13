/// Walks over bytes that should be UTF-8, character by character; what is not comes out as such.
struct UTF8Cursor {
    private(set) var position = 0

    /// The next character of `bytes` and the bytes that it takes, past which the cursor moves. The
    /// scalar is nil for bytes that are no UTF-8: the longest beginning of a character there, or
    /// one byte, as Unicode recommends. The cursor is before the end.
    mutating func next(in bytes: [UInt8]) -> (scalar: UInt32?, range: Range<Int>) {
        let start = position
        let lead = bytes[start]
        position += 1
        if lead < 0x80 { return (UInt32(lead), start..<position) }

        // The second byte's limits leave out overlong forms, surrogates and what is past U+10FFFF.
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
            guard position < bytes.count, bytes[position] >= lowest, bytes[position] <= highest
            else {
                return (nil, start..<position)
            }
            scalar = scalar << 6 | UInt32(bytes[position] & 0x3F)
            position += 1
            (lowest, highest) = (0x80, 0xBF)
        }
        return (scalar, start..<position)
    }
}

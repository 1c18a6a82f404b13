import CMachine

/// Makes text from outside fit for the log.
enum TextRepair {
    /// Valid UTF-8: invalid bytes become U+FFFD. A character cut in two at the end is dropped; text longer than the limit, as
    /// repair may make it, is cut between two characters.
    static func utf8(_ bytes: UnsafeRawBufferPointer, atMost limit: Int = .max) -> [UInt8] {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - cutTail(bytes))])
        var text = Array(String(decoding: whole, as: UTF8.self).utf8)
        if text.count > limit {
            text.removeLast(text.count - limit)
            text.removeLast(text.withUnsafeBytes { cutTail($0) })
        }
        return text
    }

    /// How many bytes at the end begin a character without finishing it.
    private static func cutTail(_ bytes: UnsafeRawBufferPointer) -> Int {
        var length = 0
        while length < 3, length < bytes.count {
            length += 1
            let byte = bytes[bytes.count - length]
            if byte & 0xC0 == 0x80 { continue }
            let needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return needed > length ? length : 0
        }
        return 0
    }
}

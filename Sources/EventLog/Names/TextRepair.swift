import CMachine

/// Text from outside, made fit for the log.
enum TextRepair {
    /// Valid UTF-8: what is not becomes U+FFFD. A character that was cut in two at the end falls away; what is longer
    /// than the limit, which repair may make it, is cut between two characters.
    static func utf8(_ bytes: UnsafeRawBufferPointer, atMost limit: Int = .max) -> [UInt8] {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - cutTail(bytes))])
        var text = Array(String(decoding: whole, as: UTF8.self).utf8)
        if text.count > limit {
            text.removeLast(text.count - limit)
            text.removeLast(text.withUnsafeBytes { cutTail($0) })
        }
        return text
    }

    /// Bytes at the end that begin a character and do not finish it.
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

import CMachine

/// Text from outside, made fit for the log.
enum TextRepair {
    /// Stands for the user's name in a reason that holds it.
    private static let placeholder: [UInt8] = Array("[user]".utf8)

    /// Valid UTF-8: what is not becomes U+FFFD. A character that was cut in two at the end falls away.
    static func utf8(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - cutTail(bytes))])
        return Array(String(decoding: whole, as: UTF8.self).utf8)
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

    /// The reason without the user's name, or nil if it does not hold it. Names of fewer than three bytes would be
    /// found in every other word, and tell nobody's identity; they stay.
    static func replacing(_ name: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard name.count >= 3, text.count >= name.count, let needle = name.baseAddress else { return nil }
        var result: [UInt8]?
        var from = 0
        while from <= text.count - name.count, let start = text.baseAddress {
            let rest = text.count - from
            guard let found = memmem(start + from, rest, needle, name.count) else { break }
            let at = UnsafeRawPointer(found) - start
            var built = result ?? []
            built.append(contentsOf: text[from..<at])
            built.append(contentsOf: placeholder)
            result = built
            from = at + name.count
        }
        guard var built = result else { return nil }
        built.append(contentsOf: text[from...])
        return built
    }
}

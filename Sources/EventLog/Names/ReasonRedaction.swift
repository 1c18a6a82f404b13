import CMachine

/// Removes the user's name from the reason of a failed login, so that the reason does not reveal what the pseudonym hides.
///
/// The match ignores the case of Latin, Greek, Cyrillic and Armenian letters. A name of one or two bytes is removed only where it
/// stands alone, since it occurs inside so many words. Other spellings, such as a name that is quoted, encoded or composed
/// differently, are not recognized as the name.
enum ReasonRedaction {
    private static let placeholder: [UInt8] = Array("[user]".utf8)
    /// A name shorter than this must stand alone.
    private static let wordBytes = 3

    /// The text without the name; nil if the name is not in it.
    /// - Parameter isCut: whether the text was truncated; it may then end in the beginning of the name.
    static func removing(
        _ name: UnsafeRawBufferPointer, from text: UnsafeRawBufferPointer, isCut: Bool
    ) -> [UInt8]? {
        guard name.count > 0 else { return nil }
        let needle = folded(name)
        let folded = folded(text)
        var result: [UInt8] = []
        var copied = 0
        var from = 0
        while let at = find(needle, in: folded, from: from) {
            if needle.count >= wordBytes || isAlone(folded, at: at, count: needle.count) {
                result.append(contentsOf: text[copied..<at])
                result.append(contentsOf: placeholder)
                copied = at + needle.count
                from = copied
            } else {
                from = at + 1
            }
        }
        let tail = isCut ? beginning(of: needle, atEndOf: folded, from: copied) : 0
        guard copied > 0 || tail > 0 else { return nil }
        result.append(contentsOf: text[copied..<(text.count - tail)])
        if tail > 0 { result.append(contentsOf: placeholder) }
        return result
    }

    private static func find(_ needle: [UInt8], in text: [UInt8], from: Int) -> Int? {
        guard text.count - from >= needle.count else { return nil }
        return text.withUnsafeBytes { text -> Int? in
            needle.withUnsafeBytes { needle -> Int? in
                guard let start = text.baseAddress, let what = needle.baseAddress,
                    let found = memmem(start + from, text.count - from, what, needle.count)
                else { return nil }
                return UnsafeRawPointer(found) - start
            }
        }
    }

    /// How many bytes at the end of a truncated text are the beginning of the name.
    private static func beginning(of name: [UInt8], atEndOf text: [UInt8], from: Int) -> Int {
        var count = min(name.count - 1, text.count - from)
        while count > 0 {
            let at = text.count - count
            var matches = true
            for index in 0..<count where text[at + index] != name[index] { matches = false }
            if matches && (count >= wordBytes || at == 0 || !isLetter(text[at - 1])) { return count }
            count -= 1
        }
        return 0
    }

    private static func isAlone(_ text: [UInt8], at: Int, count: Int) -> Bool {
        (at == 0 || !isLetter(text[at - 1])) && (at + count == text.count || !isLetter(text[at + count]))
    }

    /// A digit, an ASCII letter, or a byte of any other character.
    private static func isLetter(_ byte: UInt8) -> Bool {
        byte >= 0x80 || (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
    }

    // MARK: Case folding

    /// The same number of bytes: the letters known here keep their length.
    private static func folded(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var result = [UInt8](bytes)
        var index = 0
        while index < result.count {
            let byte = result[index]
            if byte >= 0x41 && byte <= 0x5A { result[index] = byte | 0x20 }
            if byte >= 0xC2, byte <= 0xDF, index + 1 < result.count, result[index + 1] & 0xC0 == 0x80 {
                let letter = folded(UInt32(byte & 0x1F) << 6 | UInt32(result[index + 1] & 0x3F))
                result[index] = 0xC0 | UInt8(truncatingIfNeeded: letter >> 6)
                result[index + 1] = 0x80 | UInt8(truncatingIfNeeded: letter & 0x3F)
                index += 1
            }
            index += 1
        }
        return result
    }

    /// The lowercase letter, for U+0080 to U+07FF.
    private static func folded(_ letter: UInt32) -> UInt32 {
        switch letter {
        case 0xC0...0xDE: letter == 0xD7 ? letter : letter + 32
        // Uppercase and lowercase alternate.
        case 0x100...0x137, 0x14A...0x177: letter | 1
        case 0x139...0x148, 0x179...0x17E: letter & 1 == 1 ? letter + 1 : letter
        case 0x178: 0xFF
        case 0x386: 0x3AC
        case 0x388...0x38A: letter + 37
        case 0x38C: 0x3CC
        case 0x38E...0x38F: letter + 63
        case 0x391...0x3AB: letter + 32
        case 0x3C2: 0x3C3
        case 0x400...0x40F: letter + 80
        case 0x410...0x42F: letter + 32
        case 0x460...0x481, 0x48A...0x4BF, 0x4D0...0x52F: letter | 1
        case 0x531...0x556: letter + 48
        default: letter
        }
    }
}

import Glibc

/// Gives back the pages of code and constants that only the start needed. Linking, parsing the command line and setting up touch
/// pages all over, and the kernel maps 64 kB around each fault; serving needs a small part.
public enum ResidentPages {
    /// The pages stay in the page cache, and are faulted in again where they are needed.
    public static func giveBackCode() {
        guard let file = fopen("/proc/self/smaps", "re") else { return }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4400)
        var range: (start: UInt, end: UInt)?
        while fgets(&line, Int32(line.count), file) != nil {
            let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
            if words.count >= 5, words[1].utf8.count == 4, words[0].contains("-") {
                range = readOnlyFile(words)
            } else if words.first == "Anonymous:", words.count >= 2, words[1] == "0", let known = range {
                // None of its pages was ever written to, not even by the dynamic linker: nothing is lost.
                _ = madvise(
                    UnsafeMutableRawPointer(bitPattern: known.start), Int(known.end - known.start), MADV_DONTNEED)
                range = nil
            }
        }
    }

    /// "7f5c04120000-7f5c04200000 r-xp 00001000 fe:01 12345   /usr/bin/qpc-metrics"
    private static func readOnlyFile(_ words: [Substring]) -> (start: UInt, end: UInt)? {
        guard words.count >= 6, words[1] == "r-xp" || words[1] == "r--p", words[5].hasPrefix("/") else { return nil }
        let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        return bounds.count == 2 ? (bounds[0], bounds[1]) : nil
    }
}

import Glibc

/// Gives back what only the start needed of the program's code. Reading the command line and setting up touch code all
/// over a large program, and the kernel maps 64 kB around each touch; serving needs a small part of it.
public enum ResidentPages {
    private static let leastBytes: UInt = 1 << 20

    /// The pages stay in the page cache, and come back by themselves where they are needed.
    public static func giveBackCode() {
        guard let file = fopen("/proc/self/maps", "re") else { return }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4400)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            // "7f5c04120000-7f5c04200000 r-xp 00001000 fe:01 12345   /usr/bin/qpc-metrics"
            let words = String(decoding: text, as: UTF8.self).split(separator: " ")
            let bounds = words.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
            // Code of a file, mapped privately and never written to: nothing is lost.
            guard words.count >= 6, words[1] == "r-xp", words[5].hasPrefix("/"), bounds.count == 2,
                bounds[1] - bounds[0] >= leastBytes
            else { continue }
            _ = madvise(UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]), MADV_DONTNEED)
        }
    }
}

import CMachine

/// The first bytes of a WAL, as described in https://www.sqlite.org/fileformat2.html#the_write_ahead_log:
///
///     0   magic, big-endian     0x377F0682 or 0x377F0683
///     8   page size, big-endian a power of two, 512 to 65536
enum WALHeader {
    /// Whether there is a WAL from which SQLite takes no transaction because of its header: torn by a power cut, damaged, or with
    /// nothing after it yet. A writer starts a new one; a reader that may not write the WAL index retries in vain.
    static func leadsNowhere(_ path: String) -> Bool {
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 33)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 32 else { return false }
        func word(_ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        let (magic, pageSize) = (word(0), word(8))
        return count == 32 || magic & ~1 != 0x377F_0682 || pageSize & (pageSize &- 1) != 0 || !(512...65536).contains(pageSize)
    }
}

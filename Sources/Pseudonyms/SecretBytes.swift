import CMachine
import CSodium

/// Memory for keys: pages of their own, which are not swapped out, not part of a core dump, empty in a forked child, and wiped
/// before they are freed.
///
/// The kernel may refuse to lock the pages (`RLIMIT_MEMLOCK`); they are then as safe as the swap space is.
public final class SecretBytes: @unchecked Sendable {
    private static let pageBytes = 4096

    public let start: UnsafeMutableRawPointer
    public let count: Int
    private let mapped: Int

    public init(count: Int) {
        let mapped = max(1, (count + Self.pageBytes - 1) / Self.pageBytes) * Self.pageBytes
        if let pages = qpcm_map_secret(mapped) {
            start = pages
            self.mapped = mapped
        } else {
            // No address space left: as the allocator would, this ends the process if there is no memory either.
            start = .allocate(byteCount: max(count, 1), alignment: 8)
            memset(start, 0, max(count, 1))
            self.mapped = 0
        }
        self.count = count
    }

    deinit {
        sodium_memzero(start, count)
        if mapped > 0 { qpcm_unmap_secret(start, mapped) } else { start.deallocate() }
    }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// For libsodium, which takes bytes.
    var octets: UnsafeMutablePointer<UInt8> { start.assumingMemoryBound(to: UInt8.self) }

    func word(at offset: Int) -> UInt64 { UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }

    func store(_ word: UInt64, at offset: Int) {
        start.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
}

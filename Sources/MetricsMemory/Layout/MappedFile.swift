import CMachine
import Synchronization

/// A file mapped into memory; the plugin itself maps nothing else.
///
/// A writer reserves address space for the file at its largest, and the file grows beneath it, so nothing that points into
/// the mapping ever moves.
public struct MappedFile: ~Copyable, @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    /// Bytes of address space; those beyond the file's size must not be touched.
    public let reservedBytes: Int
    public let descriptor: Int32
    /// A writer's way off the file: a second mapping of it, private and not to be touched yet. Made while the file system is
    /// healthy, since nothing can be mapped from one that has died.
    let aside: UnsafeMutableRawPointer?
    /// How much of it has been moved away, from its beginning. Others may have mapped something there since.
    let movedBytes = Atomic<Int>(0)

    /// Takes ownership of `descriptor`, even when it throws.
    /// - Throws: `MemoryError` with the system's error number.
    public init(
        owning descriptor: Int32, path: String, reservedBytes: Int, writable: Bool
    ) throws(MemoryError) {
        guard let address = qpcm_map_shared(descriptor, reservedBytes, writable ? 1 : 0) else {
            let code = qpcm_errno()
            _ = close(descriptor)
            throw MemoryError(operation: "map", path: path, code: code)
        }
        // A core dump of the server must not carry the identities that wait in the rings.
        _ = madvise(address, reservedBytes, MADV_DONTDUMP)
        // A writer faults in what it wants, when it wants; a disk's read-ahead would clear megabytes at the first touch.
        if writable { _ = madvise(address, reservedBytes, MADV_RANDOM) }
        aside = writable ? qpcm_map_private_aside(descriptor, reservedBytes) : nil
        if let aside { _ = madvise(aside, reservedBytes, MADV_DONTDUMP) }
        base = address
        self.reservedBytes = reservedBytes
        self.descriptor = descriptor
    }

    deinit {
        _ = munmap(base, reservedBytes)
        let moved = movedBytes.load(ordering: .relaxed)
        if let aside, moved < reservedBytes { _ = munmap(aside + moved, reservedBytes - moved) }
        _ = close(descriptor)
    }

    /// The kernel's page, which mappings and advice begin at: 4 KiB on x86-64; 4, 16 or 64 KiB on aarch64.
    static var pageBytes: Int { Int(qpcm_page_bytes()) }

    /// Where the last page of what ends here ends.
    static func pageEnd(_ offset: Int) -> Int { (offset + pageBytes - 1) & ~(pageBytes - 1) }

    /// Allocates the blocks of a range, so that a store there can never fail for lack of space. A store needs the blocks of
    /// its whole page, so those before the range are allocated, too.
    /// Returns 0 or the system's error number. Any thread.
    public func allocate(offset: Int, bytes: Int) -> Int32 {
        let start = offset & ~(Self.pageBytes - 1)
        if start < offset {
            // Not posix_fallocate, which writes zeros where the file system cannot allocate: somebody may be storing there.
            while fallocate(descriptor, 0, start, offset - start) != 0 {
                let code = qpcm_errno()
                if code == EOPNOTSUPP { break }
                guard code == EINTR else { return code }
            }
        }
        var code: Int32
        repeat { code = posix_fallocate(descriptor, offset, bytes) } while code == EINTR
        return code
    }

    /// Faults in a range before it is used, so that no hook pays for it.
    ///
    /// - Returns: 0, or the system's error number: EFAULT if a store would have raised a signal.
    public func populate(offset: Int, bytes: Int) -> Int32 {
        let code = populatePages(offset: offset, bytes: bytes)
        guard code == EINVAL else { return code }
        // Kernels before 5.14 do not know the advice: touch every page, changing nothing.
        var at = offset
        while at < offset + bytes {
            // A compare-and-exchange, since a hook may be storing there: a plain store could undo its own.
            AtomicWord.touch(base, at)
            at += 4096
        }
        return 0
    }

    /// The same for memory that another thread may be writing to: done by the kernel, or not at all.
    public func populateInUse(offset: Int, bytes: Int) -> Int32 {
        let code = populatePages(offset: offset, bytes: bytes)
        return code == EINVAL ? 0 : code
    }

    /// The pages that a range touches: the kernel refuses one that begins within a page.
    private func populatePages(offset: Int, bytes: Int) -> Int32 {
        let start = offset & ~(Self.pageBytes - 1)
        return madvise(base + start, offset + bytes - start, Self.populateWrite) == 0 ? 0 : qpcm_errno()
    }

    /// Linux's MADV_POPULATE_WRITE, which not every C library's headers define.
    static var populateWrite: Int32 { 23 }
}

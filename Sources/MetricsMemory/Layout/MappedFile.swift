import CMachine

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
        if let aside { _ = munmap(aside, reservedBytes) }
        _ = close(descriptor)
    }

    /// Allocates the blocks of a range, so that a store there can never fail for lack of space.
    /// Returns 0 or the system's error number. Any thread.
    public func allocate(offset: Int, bytes: Int) -> Int32 {
        var code: Int32
        repeat { code = posix_fallocate(descriptor, offset, bytes) } while code == EINTR
        return code
    }

    /// Faults in a range before it is used, so that no hook pays for it.
    ///
    /// - Returns: 0, or the system's error number: EFAULT if a store would have raised a signal.
    public func populate(offset: Int, bytes: Int) -> Int32 {
        if madvise(base + offset, bytes, Self.populateWrite) == 0 { return 0 }
        guard qpcm_errno() == EINVAL else { return qpcm_errno() }
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
        if madvise(base + offset, bytes, Self.populateWrite) == 0 { return 0 }
        return qpcm_errno() == EINVAL ? 0 : qpcm_errno()
    }

    /// Linux's MADV_POPULATE_WRITE, which not every C library's headers define.
    static var populateWrite: Int32 { 23 }
}

import CMachine
import Synchronization

/// A file system can die under a mapping: xfs shuts itself down after a disk error, ext4 stops allocating, a copy-on-write
/// file system runs out of space. A store to a page that the kernel has written back then raises SIGBUS, in whichever thread of
/// the server makes it. So the mapping is detached from the file before that.
extension MappedFile {
    /// Whether the file system still accepts stores into the file. Tested on a page mapped only for that: the kernel asks the
    /// file system at the first store into each mapping, but not at later ones. Three system calls; any thread.
    public func takesStores() -> Bool { Self.takesStores(descriptor) }

    static func takesStores(_ descriptor: Int32) -> Bool {
        let pageBytes = Self.pageBytes
        guard let page = qpcm_map_shared(descriptor, pageBytes, 1) else {
            // Too many mappings, or too little memory, say nothing about the disk.
            return qpcm_errno() == ENOMEM || qpcm_errno() == EAGAIN
        }
        defer { _ = munmap(page, pageBytes) }
        if madvise(page, pageBytes, populateWrite) == 0 { return true }
        return qpcm_errno() != EFAULT && qpcm_errno() != EHWPOISON
    }

    /// Detaches the beginning of the mapping from the file: same addresses, same content, other threads' stores included, but
    /// in memory alone from now on. Pages that are no longer in memory, or cannot be copied, become zeros. Call once.
    ///
    /// - Parameter bytes: a multiple of the page size; how far the file may have been allocated.
    /// - Returns: whether it could be done.
    public func detach(bytes: Int) -> Bool {
        let pageBytes = Self.pageBytes
        let pages = bytes / pageBytes
        let resident = UnsafeMutablePointer<UInt8>.allocate(capacity: pages)
        defer { resident.deallocate() }
        guard let aside, mincore(base, bytes, resident) == 0,
            qpcm_move_private_over(aside, base, bytes) == 0
        else { return false }
        movedBytes.store(bytes, ordering: .relaxed)
        var start = 0
        while start < pages {
            let isResident = resident[start] & 1 != 0
            var end = start + 1
            while end < pages, (resident[end] & 1 != 0) == isResident { end += 1 }
            if isResident { copyIn(start..<end) } else { layZeros(start..<end) }
            start = end
        }
        return true
    }

    /// The first store to a page of a private mapping copies it; done here, so that the disk is not needed afterwards.
    private func copyIn(_ pages: Range<Int>) {
        let pageBytes = Self.pageBytes
        if madvise(base + pages.lowerBound * pageBytes, pages.count * pageBytes, Self.populateWrite) == 0 { return }
        for page in pages where madvise(base + page * pageBytes, pageBytes, Self.populateWrite) != 0 {
            layZeros(page..<page + 1)
        }
    }

    private func layZeros(_ pages: Range<Int>) {
        _ = layZeros(offset: pages.lowerBound * Self.pageBytes, bytes: pages.count * Self.pageBytes)
    }

    /// Replaces a part that nobody uses yet, or whose content is gone, with anonymous memory. Any thread. False if there is
    /// no memory.
    ///
    /// - Parameter offset: a multiple of the page size, as `bytes`.
    public func layZeros(offset: Int, bytes: Int) -> Bool {
        guard qpcm_map_zeros_over(base + offset, bytes) == 0 else { return false }
        _ = madvise(base + offset, bytes, MADV_DONTDUMP)
        return true
    }
}

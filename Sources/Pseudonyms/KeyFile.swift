import CMachine
import MetricsModel

/// `identity.key` as a file: read, and replaced such that there is always a complete one under its name and nothing of an old
/// one is left on the disk, as far as the file system allows.
///
/// A replacement is complete and on the disk before it gets its name. The old file keeps a second name, `identity.key.old`,
/// until it is overwritten with zeros; `tidy` cleans up after whatever died in between.
enum KeyFile {
    /// The size of the largest key file.
    static let byteLimit = KeyRecord.byteLimit

    static func path(_ directory: String) -> String { DataFile.keys.path(in: directory) }

    /// - Returns: its bytes, and when it was last modified: UTC, microseconds.
    /// - Throws: `IdentityKeyError`.
    static func read(_ directory: String) throws(IdentityKeyError) -> (content: SecretBytes, changed: Int64) {
        let path = path(directory)
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else {
            let code = qpcm_errno()
            throw code == ENOENT ? .missing : .system(operation: "open", path: path, code: code)
        }
        defer { _ = close(descriptor) }
        var status = stat()
        guard qpcm_fstat(descriptor, &status) == 0 else {
            throw .system(operation: "access", path: path, code: qpcm_errno())
        }
        guard qpcm_is_regular(&status) != 0, status.st_size > 0 else { throw .unusable(path: path) }
        // A newer format may allow for larger files.
        if let format = newer(descriptor) { throw .newer(path: path, format) }
        guard status.st_size <= byteLimit else { throw .unusable(path: path) }
        let content = SecretBytes(count: Int(status.st_size))
        let count = CMachine.read(descriptor, content.start, content.count)
        guard count >= 0 else { throw .system(operation: "read", path: path, code: qpcm_errno()) }
        guard count == content.count else { throw .unusable(path: path) }
        let changed = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000
        return (content, changed)
    }

    /// - Throws: `IdentityKeyError.newer` for a file of a newer format.
    static func expectKnown(_ directory: String) throws(IdentityKeyError) {
        let path = path(directory)
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        if let format = newer(descriptor) { throw .newer(path: path, format) }
    }

    /// A number alone does not make a file newer, since a flipped bit can change it: every later format also names a version of
    /// the product, which no file of this format can seem to do.
    private static func newer(_ descriptor: Int32) -> NewerFormat? {
        let head = SecretBytes(count: KeyRecord.headerBytes + KeyRecord.needsBytes)
        guard pread(descriptor, head.start, head.count, 0) == head.count, head.word(at: 0) == KeyRecord.magic
        else { return nil }
        let field = head.bytes[KeyRecord.headerBytes...]
        guard let needs = NewerFormat.version(field), field.dropFirst(needs.utf8.count).allSatisfy({ $0 == 0 })
        else { return nil }
        return NewerFormat(found: head.word(at: 8) & 0xFFFF_FFFF, known: Version.keys, needs: needs)
    }

    /// Replaces its content.
    /// - Throws: `IdentityKeyError`; the file is then unchanged.
    static func replace(_ directory: String, with content: SecretBytes) throws(IdentityKeyError) {
        let path = path(directory)
        let new = path + ".new"
        let old = path + ".old"
        wipe(new)
        let descriptor = qpcm_open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system(operation: "make", path: new, code: qpcm_errno()) }
        _ = fchmod(descriptor, 0o600)  // whatever the umask
        qpcm_give_to_owner(descriptor, directory)
        let isWritten = write(descriptor, content.start, content.count) == content.count
        let code = isWritten && fsync(descriptor) == 0 ? 0 : qpcm_errno()
        _ = close(descriptor)
        guard code == 0 else {
            wipe(new)
            throw .system(operation: "write", path: new, code: code == 0 ? ENOSPC : code)
        }
        _ = unlink(old)
        _ = link(path, old)
        guard rename(new, path) == 0 else {
            let code = qpcm_errno()
            _ = unlink(old)
            wipe(new)
            throw .system(operation: "replace", path: path, code: code)
        }
        syncNames(directory)
        wipe(old)
    }

    /// Removes the file, overwriting it with zeros first.
    static func remove(_ directory: String) {
        wipe(path(directory))
        syncNames(directory)
    }

    /// Cleans up after a process that died in the middle of a replacement, and corrects a mode that lets others read.
    static func tidy(_ directory: String) {
        let path = path(directory)
        var current = stat()
        var left = stat()
        let old = path + ".old"
        if qpcm_lstat(old, &left) == 0 {
            // Two names for one file, if the process died before the new one got its name.
            let isCurrent =
                qpcm_lstat(path, &current) == 0 && current.st_ino == left.st_ino && current.st_dev == left.st_dev
            if isCurrent { _ = unlink(old) } else { wipe(old) }
        }
        if qpcm_lstat(path + ".new", &left) == 0 { wipe(path + ".new") }
        guard qpcm_lstat(path, &current) == 0, qpcm_is_regular(&current) != 0, current.st_mode & 0o177 != 0 else {
            return
        }
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        _ = fchmod(descriptor, 0o600)
        _ = close(descriptor)
    }

    /// Overwrites a key file with zeros, then removes its name. A file that has a second name, is not a regular file, or is
    /// too large for keys only loses the name: it may belong to somebody else.
    private static func wipe(_ path: String) {
        let descriptor = qpcm_open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        if descriptor >= 0 {
            var status = stat()
            if qpcm_fstat(descriptor, &status) == 0, qpcm_is_regular(&status) != 0, status.st_nlink == 1,
                status.st_size > 0, status.st_size <= byteLimit
            {
                let zeros = SecretBytes(count: Int(status.st_size))
                _ = write(descriptor, zeros.start, zeros.count)
                _ = fsync(descriptor)
            }
            _ = close(descriptor)
        }
        _ = unlink(path)
    }

    private static func syncNames(_ directory: String) {
        let descriptor = qpcm_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        _ = close(descriptor)
    }
}

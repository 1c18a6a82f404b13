import CMachine
import CSQLite

/// Sets up the log's files before SQLite opens them: mode 0640, owned by the directory's owner, whatever the umask and whoever
/// runs this.
enum LogPermissions {
    private static let mode: UInt32 = 0o640

    /// Creates the log's file, empty, if there is none; SQLite gives the WAL and its index the same mode and owner. Files that
    /// already exist lose every permission beyond that mode.
    static func prepare(_ path: String, in directory: String) throws(LogError) {
        let descriptor = qpcm_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor < 0 else {
            _ = fchmod(descriptor, mode)
            qpcm_give_to_owner(descriptor, directory)
            _ = close(descriptor)
            return
        }
        let code = qpcm_errno()
        guard code == EEXIST else {
            throw LogError(
                operation: "make", path: path, code: SQLITE_CANTOPEN, detail: String(cString: strerror(code)))
        }
        narrow(path)
        narrow(path + "-wal")
        narrow(path + "-shm")
    }

    private static func narrow(_ path: String) {
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        var status = stat()
        if qpcm_fstat(descriptor, &status) == 0, qpcm_is_regular(&status) != 0, status.st_mode & 0o777 & ~mode != 0 {
            _ = fchmod(descriptor, status.st_mode & mode)
        }
        _ = close(descriptor)
    }
}

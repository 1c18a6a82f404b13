import CMachine
import MetricsMemory
import MetricsModel

/// The directory of `QPC_METRICS_PLUGIN_LIVE_DIR`.
public enum LiveDirectory {
    /// Puts it in order: creates its last component if that is missing, with mode 0750.
    ///
    /// - Returns: its absolute path; nil if it is the data directory.
    /// - Throws: `DirectoryError`.
    public static func prepare(_ path: String, for dataDirectory: String, log: PluginLogger) throws(DirectoryError) -> String? {
        if mkdir(path, 0o750) == 0 {
            _ = chmod(path, 0o750)  // whatever the umask
        } else if qpcm_errno() != EEXIST {
            throw .unusableLive(path: path, operation: "make", code: qpcm_errno())
        }
        var status = stat()
        var home = stat()
        guard let resolved = realpath(path, nil), qpcm_stat(path, &status) == 0 else {
            throw .unusableLive(path: path, operation: "look at", code: qpcm_errno())
        }
        defer { free(resolved) }
        guard qpcm_is_directory(&status) != 0 else { throw .unusableLive(path: path, operation: "use", code: ENOTDIR) }
        guard access(path, W_OK | X_OK) == 0 else {
            throw .unusableLive(path: path, operation: "write to", code: qpcm_errno())
        }
        // In a directory like /dev/shm, others may create files, but not replace this user's.
        if status.st_mode & 0o002 != 0, status.st_mode & 0o1000 == 0 { throw .writableByOthers(path: path) }
        if qpcm_stat(dataDirectory, &home) == 0, FileIdentity(home) == FileIdentity(status) { return nil }
        if qpcm_is_in_memory(path) == 0 {
            log.warning(
                "\(path) is not on a tmpfs: what waits in the rings reaches its disk, and is given up when the machine restarts"
            )
        }
        return String(cString: resolved)
    }
}

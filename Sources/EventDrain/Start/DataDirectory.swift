import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// The data directory, held: by one server, or one command that writes, at a time.
///
/// The lock is the kernel's, on the directory itself, and ends with the process that holds it, however that happens.
public final class DataDirectory {
    public let path: String
    /// -1 once released.
    private var descriptor: Int32

    /// - Parameter create: whether to create it, with mode 0750, if it is missing.
    /// - Throws: `DirectoryError`.
    public convenience init(path: String, create: Bool) throws(DirectoryError) {
        if create { try Self.make(path) }
        let opened = qpcm_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard opened >= 0 else { throw .unusable(path: path, operation: "open", code: qpcm_errno()) }
        self.init(path: path, owning: opened)
        try check(isWriter: create)
        try lock()
    }

    private init(path: String, owning descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    private static func make(_ path: String) throws(DirectoryError) {
        if mkdir(path, 0o750) == 0 {
            _ = chmod(path, 0o750)  // whatever the umask
        } else if qpcm_errno() != EEXIST {
            throw .unusable(path: path, operation: "make", code: qpcm_errno())
        }
    }

    private func check(isWriter: Bool) throws(DirectoryError) {
        var status = stat()
        guard qpcm_fstat(descriptor, &status) == 0 else {
            throw .unusable(path: path, operation: "access", code: qpcm_errno())
        }
        if status.st_mode & 0o002 != 0 { throw .writableByOthers(path: path) }
        if isWriter, access(path, W_OK | X_OK) != 0 {
            throw .unusable(path: path, operation: "write to", code: qpcm_errno())
        }
    }

    private func lock() throws(DirectoryError) {
        // Readers of an earlier version take the lock for a moment to find out whether a server is running.
        var attempts = 0
        while qpcm_lock(descriptor, 1) != 0 {
            let code = qpcm_errno()
            attempts += 1
            guard code == EWOULDBLOCK else { throw .unusable(path: path, operation: "lock", code: code) }
            guard attempts < 20 else { throw .inUse(path: path, pid: Self.holder(of: path)) }
            _ = usleep(5000)
        }
        // The mark that readers check instead: a reader stopped while holding the lock would keep servers out.
        guard qpcm_mark_held(descriptor) == 0 else { throw .unusable(path: path, operation: "lock", code: qpcm_errno()) }
    }

    deinit { release() }

    /// Releases the lock; in a forked child only the child's share of it, so that it does not outlive the parent's.
    public func release() {
        if descriptor >= 0 { _ = close(descriptor) }
        descriptor = -1
    }

    /// Makes the names in the directory safe from a power cut.
    public func sync() { _ = fsync(descriptor) }

    /// Whether the path still leads to the directory that is held, rather than to none or another.
    var isInPlace: Bool {
        var held = stat()
        var found = stat()
        guard qpcm_fstat(descriptor, &held) == 0 else { return false }
        if qpcm_stat(path, &found) != 0 { return qpcm_errno() != ENOENT && qpcm_errno() != ENOTDIR }
        return FileIdentity(held) == FileIdentity(found)
    }

    /// Whether a file of that name is in the directory.
    public func contains(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 || qpcm_errno() != ENOENT }

    private static func holder(of path: String) -> Int32? {
        (try? LiveFileReader.open(in: path))?.header.pid
    }

    /// Renames a file, and for a log also its WAL and the WAL's index, to a name with the time in it. Returns the new path;
    /// nil if that failed.
    public func quarantine(_ name: String, as reason: Quarantine = .damaged) -> String? {
        quarantine(path: path + "/" + name, as: reason)
    }

    /// Renames the live file, which stays in the directory that it is in: what was kept off the disk does not get there now.
    func quarantineLive() -> String? {
        let place = LivePlace.find(in: path)
        guard let name = quarantine(path: place.path, as: .damaged) else { return nil }
        place.forget()
        return name
    }

    private func quarantine(path: String, as reason: Quarantine) -> String? {
        let stamp = reason.mark + Self.stamp()
        var target = path + stamp
        var attempt = 1
        while access(target, F_OK) == 0 {
            attempt += 1
            target = path + stamp + ".\(attempt)"
        }
        guard rename(path, target) == 0 else { return nil }
        _ = rename(path + "-wal", target + "-wal")
        _ = rename(path + "-shm", target + "-shm")
        return target
    }

    /// UTC, as in 20261122T140501Z.
    private static func stamp() -> String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func padded(_ value: Int32, _ digits: Int) -> String {
            var text = "\(value)"
            while text.utf8.count < digits { text = "0" + text }
            return text
        }
        return padded(parts.tm_year + 1900, 4) + padded(parts.tm_mon + 1, 2) + padded(parts.tm_mday, 2) + "T"
            + padded(parts.tm_hour, 2) + padded(parts.tm_min, 2) + padded(parts.tm_sec, 2) + "Z"
    }
}

/// Why a data directory cannot be used.
public enum DirectoryError: Error {
    case unusable(path: String, operation: String, code: Int32)
    case writableByOthers(path: String)
    /// The directory of `QPC_METRICS_PLUGIN_LIVE_DIR`.
    case unusableLive(path: String, operation: String, code: Int32)
    /// Another process holds it; its process ID, if known.
    case inUse(path: String, pid: Int32?)

    public var message: String {
        switch self {
        case .unusable(let path, let operation, let code):
            return "cannot \(operation) the data directory \(path): \(String(cString: strerror(code)))"
        case .unusableLive(let path, let operation, let code):
            return "cannot \(operation) \(path), which QPC_METRICS_PLUGIN_LIVE_DIR names: \(String(cString: strerror(code)))"
        case .writableByOthers(let path):
            return "the directory \(path) is writable by everyone; fix it with: chmod o-w \(path)"
        case .inUse(let path, let pid):
            let holder = pid.map { "a running server, process \($0)" } ?? "another process"
            return "the data directory \(path) is in use by \(holder)"
        }
    }
}

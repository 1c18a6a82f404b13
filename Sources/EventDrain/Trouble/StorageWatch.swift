import EventLog
import MetricsMemory

/// Notices that the file system under the data directory has died: shut down by its own driver, or no longer able to allocate
/// room for stores to `live.qpcm`. From then on a store to the mapped file may raise a signal in the server, at the latest
/// once the kernel has written its pages back. The memory is then detached from the file, and the log is closed, since its
/// index is mapped too.
///
/// Errors that system calls return are not handled here: that is `FlushRetryPolicy`.
final class StorageWatch {
    /// Between two checks of three system calls each: far less than the seconds after which the kernel writes pages back.
    private var look = DrainTimer(every: 100_000_000)

    private let live: LiveFile
    private let directory: String
    private let log: PluginLogger
    /// While this is true, nothing may be opened.
    private(set) var isDead = false

    init(live: LiveFile, directory: String, log: PluginLogger) {
        self.live = live
        self.directory = directory
        self.log = log
    }

    /// Checks, if that is due or overdue, or a failure is suspected. True if the file system has just died: the log must then be
    /// closed at once.
    ///
    /// - Parameter now: monotonic.
    func hasDied(isSuspected: Bool, isOverdue: Bool, now: UInt64) -> Bool {
        guard look.isDue(now) || isOverdue || isSuspected else { return false }
        let wasDead = isDead
        let isLiveDead = isSuspected || !live.takesStores()
        isDead = isLiveDead || !live.homeTakesStores()
        guard isDead, !wasDead else { return false }
        if isLiveDead {
            if !live.isDetached { detach() }
        } else {
            log.error(
                "the file system of \(directory) no longer accepts writes; events wait in memory, then are dropped; "
                    + "repair the disk, then restart the server")
        }
        return true
    }

    private func detach() {
        let isDone = live.detach()
        log.error(
            "the file system of \(directory) no longer accepts writes to live.qpcm; "
                + (isDone
                    ? "counters and events continue in memory only, where commands do not see them, and end with the server; "
                    : "it could not be replaced by memory, and the server may crash; ")
                + "repair the disk, then restart the server")
    }

    /// - Throws: `LogError` while no log can be opened there.
    func expectAlive(_ path: String) throws(LogError) {
        guard isDead else { return }
        throw LogError(operation: "open", path: path, code: Self.ioError, detail: "its file system does not accept writes")
    }

    /// SQLITE_IOERR.
    private static let ioError: Int32 = 10
}

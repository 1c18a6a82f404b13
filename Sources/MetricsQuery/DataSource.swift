import CMachine
import CMetricsLayout
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Pseudonyms
import Readings

/// Why a data directory cannot be read.
public enum DataSourceError: Error {
    /// There is neither a log nor a live file.
    case nothingThere(directory: String)
    case noPermission(path: String)
    case log(LogError)
    case live(MemoryError)
    case key(IdentityKeyError)

    public var message: String {
        switch self {
        case .nothingThere(let directory):
            return "there is no event log in \(directory); set the data directory with --dir or QPC_METRICS_PLUGIN_DIR"
        case .noPermission(let path):
            return "no permission to read \(path); only the server's user and group can"
        case .log(let error): return error.message
        case .live(let error): return error.message
        case .key(let error): return error.message
        }
    }

    /// Whether a file is intact, but of a newer format than this program reads.
    public var isNewer: Bool {
        switch self {
        case .log(let error): error.isNewer
        case .live(let error): error.isNewer
        case .key(.newer): true
        case .nothingThere, .noPermission, .key: false
        }
    }
}

/// A data directory as a reader finds it: its server may be running, may have died, or may never have run.
public struct DataSource: Sendable {
    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// Where the live file is, or would be.
    public var livePlace: LivePlace { LivePlace.find(in: directory) }
    public var livePath: String { livePlace.path }
    public var logPath: String { DataFile.log.path(in: directory) }

    /// Refuses a directory in which a file is of a newer format, whichever file is wanted: what its files mean together is then
    /// not known. A file that this user may not read is passed over.
    private func expectKnownFormats() throws(DataSourceError) {
        do { try LiveFileReader.expectKnown(in: directory) } catch { throw .live(error) }
        do { try IdentityKeys.expectKnown(directory: directory) } catch { throw .key(error) }
    }

    /// The live file; nil if there is none.
    @inline(never)
    public func live() throws(DataSourceError) -> LiveFileReader? {
        try expectKnownFormats()
        // Whoever opens the log learns its format by that.
        do { try Schema.expectKnown(logPath) } catch { throw .log(error) }
        do {
            return try LiveFileReader.open(in: directory)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            if error.code == EACCES { throw .noPermission(path: livePath) }
            throw .live(error)
        }
    }

    /// The log; nil if there is none.
    public func log() throws(DataSourceError) -> EventLogReader? {
        try expectKnownFormats()
        if access(logPath, F_OK) != 0 {
            if qpcm_errno() == ENOENT || qpcm_errno() == ENOTDIR { return nil }
            throw .noPermission(path: logPath)
        }
        // For each of these, SQLite would only say that it cannot open the database.
        for path in [logPath, logPath + "-wal", logPath + "-shm"] where access(path, F_OK) == 0 && access(path, R_OK) != 0 {
            throw .noPermission(path: path)
        }
        do { return try EventLogReader(directory: directory) } catch { throw .log(error) }
    }

    /// The log, for a command that needs one.
    public func requiredLog() throws(DataSourceError) -> EventLogReader {
        guard let log = try log() else { throw .nothingThere(directory: directory) }
        return log
    }
}

extension DataSource {
    /// Whether a running server, or a command that writes, holds the directory. The mark disappears with its holder, so this is
    /// never a guess; the check takes no lock, so no reader can block a server.
    public var isHeld: Bool {
        let descriptor = qpcm_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        return qpcm_is_marked_held(descriptor) == 1
    }

    /// A process other than the server that has a transaction open on the log; nil if there is none. Call it only while the
    /// server runs: asking drops this process's own locks on the log.
    public func readingProcess(otherThan server: Int32) -> Int32? {
        let descriptor = qpcm_open(logPath + "-shm", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        // SQLite's five read marks, https://www.sqlite.org/walformat.html: the locks on bytes 123 to 127.
        for byte in Int64(123)...127 {
            let holder = qpcm_lock_holder(descriptor, byte, 1)
            if holder != 0, holder != server { return holder }
        }
        return nil
    }

    /// A live plugin has a heartbeat every 200 ms; after this long without one it counts as stuck.
    private static let heartbeatLimitNanoseconds: UInt64 = 5_000_000_000

    /// Whether the plugin is running, as every command and the exporter determine it.
    public func state(of live: LiveFileReader) -> PluginState {
        guard live.isRunning else { return .stopped }
        // A plugin that shuts down between these two checks releases its directory only after marking the file.
        guard isHeld else { return live.isRunning ? .died : .stopped }
        let now = TickClock.realtimeNanoseconds()
        let heartbeat = live.heartbeatNanoseconds
        // The clock may have been set back since the last heartbeat.
        let isFresh = heartbeat > now || now - heartbeat < Self.heartbeatLimitNanoseconds
        return isFresh ? .up(pid: live.header.pid) : .stuck(pid: live.header.pid)
    }

    /// Whether a server is running: its live file is marked so, and it holds the directory.
    public func isRunning(_ live: LiveFileReader) -> Bool { state(of: live).pid != nil }
}

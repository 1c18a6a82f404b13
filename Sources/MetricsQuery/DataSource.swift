import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// Why a data directory cannot be read.
public enum DataSourceError: Error {
    /// Neither a log nor a live file is there.
    case nothingThere(directory: String)
    case noPermission(path: String)
    case log(LogError)
    case live(MemoryError)

    public var message: String {
        switch self {
        case .nothingThere(let directory):
            return "there is no event log in \(directory); --dir or QPC_METRICS_PLUGIN_DIR sets the place"
        case .noPermission(let path):
            return "no permission to read \(path); it is for the server's user and group"
        case .log(let error): return error.message
        case .live(let error): return error.message
        }
    }
}

/// A data directory as a reader finds it: a server may run, may have died, may never have run.
public struct DataSource: Sendable {
    public let directory: String

    public init(directory: String) { self.directory = directory }

    public var livePath: String { directory + "/live.qpcm" }
    public var logPath: String { directory + "/" + Schema.fileName }

    /// The live file; nil if there is none.
    public func live() throws(DataSourceError) -> LiveFileReader? {
        do {
            return try LiveFileReader(path: livePath)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            if error.code == EACCES { throw .noPermission(path: livePath) }
            throw .live(error)
        }
    }

    /// The log; nil if there is none.
    public func log() throws(DataSourceError) -> EventLogReader? {
        if access(logPath, F_OK) != 0 {
            if qpcm_errno() == ENOENT || qpcm_errno() == ENOTDIR { return nil }
            throw .noPermission(path: logPath)
        }
        if access(logPath, R_OK) != 0 { throw .noPermission(path: logPath) }
        do { return try EventLogReader(directory: directory) } catch { throw .log(error) }
    }

    /// The log, where a command cannot do without.
    public func requiredLog() throws(DataSourceError) -> EventLogReader {
        guard let log = try log() else { throw .nothingThere(directory: directory) }
        return log
    }
}

extension LiveFileReader {
    /// A live plugin beats every 200 ms; after so long without a beat it counts as dead.
    public static let beatLimitNanoseconds: UInt64 = 5_000_000_000

    /// Whether a plugin beats in the file.
    public func isUp(nowNanoseconds: UInt64 = TickClock.realtimeNanoseconds()) -> Bool {
        guard isRunning else { return false }
        // A process of this machine that is gone is dead at once. One that cannot be seen may be in another
        // container: there the beat tells.
        if kill(header.pid, 0) != 0, qpcm_errno() == ESRCH, isOfThisNamespace { return false }
        let beat = heartbeatNanoseconds
        let age = nowNanoseconds > beat ? nowNanoseconds - beat : beat - nowNanoseconds
        return age < Self.beatLimitNanoseconds
    }

    /// Process numbers mean the same here as to the server: there is no process that this one cannot see.
    private var isOfThisNamespace: Bool {
        var mine = [UInt8](repeating: 0, count: 16)
        mine.withUnsafeMutableBytes { BootID.read(into: $0) }
        var status = stat()
        // The first PID namespace of a machine has this inode number; inside of any other, nothing is concluded.
        guard header.bootID == mine, stat("/proc/self/ns/pid", &status) == 0 else { return false }
        return status.st_ino == 0xEFFF_FFFC
    }
}

import CMachine
import EventLog
import MetricsModel
import Pseudonyms

/// Where the log is, and how it is opened there: at startup, and again when the one in use is gone or damaged.
public struct LogOpener {
    public let directory: DataDirectory
    let settings: Settings
    let sealing: KeySealing
    /// Where the newest key is kept besides, if it is sealed.
    let kept: KeptKey?
    /// The newest keys known; while a log is open, its writer has them.
    var keys: IdentityKeys?
    let log: PluginLogger

    var path: String { DataFile.log.path(in: directory.path) }

    /// Opens the log in the directory, or creates one. A file there that is not a log is quarantined; a log of a
    /// newer version is left as it is.
    ///
    /// - Parameter quarantined: increased by the number of files quarantined.
    func open(quarantined: inout UInt64) throws(LogError) -> EventLogWriter {
        for attempt in 0..<2 {
            do {
                return try EventLogWriter(
                    directory: directory.path, mode: settings.identities, keys: keys, pairs: settings.pairs,
                    keepsRows: settings.keepsRows, syncEachCommit: settings.syncsEachCommit)
            } catch {
                guard error.cause == .corrupt, attempt == 0, self.quarantine(because: error) else { throw error }
                quarantined += 1
            }
        }
        throw LogError(operation: "open", path: path, code: 1, detail: "no log could be created")
    }

    /// The same at startup, waiting for other processes that may hold locks on the log. A reader that recovers the WAL's
    /// index after a crash holds one for milliseconds.
    func openAtStart(quarantined: inout UInt64) throws(LogError) -> EventLogWriter {
        var attempts = 0
        while true {
            do { return try open(quarantined: &quarantined) } catch {
                attempts += 1
                guard error.cause == .busy, attempts < Self.startAttempts else { throw error }
                _ = usleep(Self.startRetryMicroseconds)
            }
        }
    }

    /// Five seconds: longer than any well-behaved process holds a lock.
    private static let startAttempts = 250
    private static let startRetryMicroseconds: UInt32 = 20_000

    /// Renames a damaged log, and reports it. False if it could not be renamed.
    func quarantine(because error: LogError) -> Bool {
        guard let name = directory.quarantine(DataFile.log.name) else { return false }
        log.warning("\(error.message); it is now \(name), and a new log has begun")
        return true
    }
}

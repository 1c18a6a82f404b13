import CMachine
import EventLog
import MetricsMemory
import MetricsModel
import Pseudonyms

/// Puts `identity.key` in order at startup, and when another log is opened under a running server.
enum KeyStartup {
    /// What a start finds.
    struct Loaded {
        var keys: IdentityKeys?
        /// The file is to be quarantined, once it is known that no file of the directory is of a newer format.
        var isUnusable = false
    }

    /// Loads the keys. Without pseudonyms, keys only serve what the log already holds, and no trouble with them prevents a start,
    /// unless the file is of a newer format.
    static func load(_ directory: DataDirectory, identities: IdentityMode) throws(RecoveryError) -> Loaded {
        do { try IdentityKeys.expectKnown(directory: directory.path) } catch { throw .key(error) }
        IdentityKeys.tidy(directory: directory.path)
        do {
            return Loaded(keys: try IdentityKeys.load(directory: directory.path))
        } catch {
            switch error {
            case .newer: throw .key(error)
            case _ where identities != .pseudonym: return Loaded()
            case .missing: return Loaded()
            case .unusable: return Loaded(isUnusable: true)
            case .foreign, .system: throw .key(error)
            }
        }
    }

    static func quarantineUnusable(_ directory: DataDirectory, log: PluginLogger) {
        let path = DataFile.keys.path(in: directory.path)
        let name = directory.quarantine(DataFile.keys.name)
        log.warning("\(path) is not a valid key file; it is now \(name ?? "gone"), and a new key was created")
    }

    /// Drops keys that are not this log's. If pseudonyms are wanted, there is a key afterwards that only its own epoch's rows
    /// were written under, and that the log can tell from any other.
    static func settle(
        _ directory: DataDirectory, identities: IdentityMode, _ writer: EventLogWriter, quarantined: inout UInt64,
        log: PluginLogger
    ) throws(RecoveryError) {
        try dropForeign(directory, identities: identities, writer, quarantined: &quarantined, log: log)
        try makeOrRotate(directory, identities: identities, writer)
        // Not worth refusing to start: an epoch's first rows bring its check with them.
        try? writer.saveKeyChecks()
    }

    private static func dropForeign(
        _ directory: DataDirectory, identities: IdentityMode, _ writer: EventLogWriter, quarantined: inout UInt64,
        log: PluginLogger
    ) throws(RecoveryError) {
        guard let keys = writer.keys else { return }
        do { if try writer.verdict(on: keys) != .foreign { return } } catch { throw .log(error) }
        writer.use(nil)
        let path = DataFile.keys.path(in: directory.path)
        guard identities == .pseudonym else {
            log.warning("\(path) holds keys of another log; it cannot be used to look up names in this one")
            return
        }
        let name = directory.quarantine(DataFile.keys.name)
        quarantined += 1
        log.warning(
            "\(path) holds keys of another log; it is now \(name ?? "gone"), and a new key epoch has begun; if you have the "
                + "right file, stop the server and put it back")
    }

    private static func makeOrRotate(
        _ directory: DataDirectory, identities: IdentityMode, _ writer: EventLogWriter
    ) throws(RecoveryError) {
        guard identities == .pseudonym else { return }
        let now = Int64(TickClock.realtimeNanoseconds() / 1000)
        let unused: Int64
        do { unused = try writer.unusedEpoch() } catch { throw .log(error) }
        do {
            if let keys = writer.keys {
                // The file is older than the log, or the log was used without a key for a while.
                guard keys.newest.number < writer.newestEpoch, !keys.isFull else { return }
                writer.use(
                    try IdentityKeys.rotate(
                        directory: directory.path, atLeast: unused, nowMicroseconds: now))
            } else {
                writer.use(
                    try IdentityKeys.make(
                        directory: directory.path, epoch: unused, nowMicroseconds: now))
            }
        } catch {
            throw .key(error)
        }
    }
}

import CMachine
import EventLog
import MetricsMemory
import MetricsModel
import Pseudonyms

/// How new keys get onto the disk.
public enum KeySealing: Sendable {
    /// Sealed to this operator's key, along with every key that is not sealed yet.
    case to(OperatorKey)
    /// As they are.
    case none
    /// Sealed as the newest one is: for a command, which does not know the server's settings.
    case asFound

    var seals: Bool {
        if case .none = self { return false }
        return true
    }

    func key(_ keys: IdentityKeys?) -> OperatorKey? {
        switch self {
        case .to(let key): key
        case .none: nil
        case .asFound: keys?.newest.sealedTo
        }
    }
}

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
    /// - Parameter kept: where the newest key may be kept, if it is sealed.
    static func load(_ directory: DataDirectory, identities: IdentityMode, kept: KeptKey?) throws(RecoveryError) -> Loaded {
        do { try IdentityKeys.expectKnown(directory: directory.path) } catch { throw .key(error) }
        IdentityKeys.tidy(directory: directory.path)
        do {
            return Loaded(keys: try IdentityKeys.load(directory: directory.path).with(kept: kept))
        } catch {
            switch error {
            case .newer: throw .key(error)
            case _ where identities != .pseudonym: return Loaded()
            case .missing: return Loaded()
            case .unusable: return Loaded(isUnusable: true)
            case .foreign, .wrongOperator, .full, .system: throw .key(error)
            }
        }
    }

    /// Puts back the number of the file's format, which alone is damaged, once it is known that no file of the directory is of a
    /// newer format. The keys are good even if that fails.
    static func repairNumber(_ directory: DataDirectory, log: PluginLogger) {
        let path = DataFile.keys.path(in: directory.path)
        do {
            guard try IdentityKeys.repairNumber(directory: directory.path) else { return }
            log.warning("\(path): the number of its format was damaged and is put back; its keys are as they were")
        } catch {
            log.warning("\(path): the number of its format is damaged, and cannot be put back: \(error.message)")
        }
    }

    static func quarantineUnusable(_ directory: DataDirectory, log: PluginLogger) {
        let path = DataFile.keys.path(in: directory.path)
        let name = directory.quarantine(DataFile.keys.name)
        log.warning("\(path) is not a valid key file; it is now \(name ?? "gone"), and a new key was created")
    }

    /// Drops keys that are not this log's. If pseudonyms are wanted, there is a key afterwards that only its own epoch's rows
    /// were written under, and that the log can tell from any other.
    ///
    /// - Parameter sealing: under an operator's key, each start begins a new epoch: the keys of those before it are not on this
    ///   machine any more. The new key is on the disk, sealed, before the first row under it.
    /// - Parameter kept: where such a key is kept besides; a start that finds the newest one there goes on under it.
    static func settle(
        _ directory: DataDirectory, _ settings: Settings, sealing: KeySealing, kept: KeptKey?, _ writer: EventLogWriter,
        quarantined: inout UInt64, log: PluginLogger
    ) throws(RecoveryError) {
        try dropForeign(directory, identities: settings.identities, writer, quarantined: &quarantined, log: log)
        let operatorKey = sealing.key(writer.keys)
        if settings.sealsKeys, operatorKey == nil, settings.identities == .pseudonym {
            // A command, for a server whose file of keys is damaged or another log's: with it went the public key.
            writer.use(nil)
            log.warning(
                "the operator's public key is not known here, and no key is made that is not sealed to it: names are left out of "
                    + "what is written now")
            return
        }
        try makeOrRotate(directory, identities: settings.identities, operatorKey, kept, writer, log: log)
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
        _ directory: DataDirectory, identities: IdentityMode, _ operatorKey: OperatorKey?, _ kept: KeptKey?,
        _ writer: EventLogWriter, log: PluginLogger
    ) throws(RecoveryError) {
        let clear = writer.keys?.epochs.reduce(0) { $0 + ($1.sealedTo == nil ? 1 : 0) } ?? 0
        guard identities == .pseudonym else { return try seal(clear, directory, operatorKey, writer, log: log) }
        let now = Int64(TickClock.realtimeNanoseconds() / 1000)
        let unused: Int64
        do { unused = try writer.unusedEpoch() } catch { throw .log(error) }
        guard let keys = writer.keys else {
            do {
                writer.use(
                    try IdentityKeys.make(
                        directory: directory.path, epoch: unused, nowMicroseconds: now, sealedTo: operatorKey, kept: kept))
            } catch { throw .key(error) }
            return
        }
        let isUsable =
            keys.newest.key != nil && OperatorKey.isSame(keys.newest.sealedTo, operatorKey) && (operatorKey == nil || clear == 0)
        // The file is older than the log, or the log was used without a key for a while.
        guard !isUsable || keys.newest.number < writer.newestEpoch else { return }
        guard !keys.isFull(sealing: operatorKey != nil) else {
            try seal(clear, directory, operatorKey, writer, log: log)
            guard writer.keys?.newest.key == nil else { return }
            return log.warning(
                "the log holds events of \(keys.epochs.count) key epochs, and there is no room for another: names are left out "
                    + "of new events until one of them has left; a shorter QPC_METRICS_PLUGIN_RETENTION makes room")
        }
        do {
            writer.use(
                try IdentityKeys.rotate(
                    directory: directory.path, atLeast: unused, nowMicroseconds: now, sealedTo: operatorKey, kept: kept))
        } catch { throw .key(error) }
        if operatorKey != nil { tell(sealed: clear, log) }
    }

    /// Seals the keys that are not sealed, and begins no epoch.
    private static func seal(
        _ clear: Int, _ directory: DataDirectory, _ operatorKey: OperatorKey?, _ writer: EventLogWriter, log: PluginLogger
    ) throws(RecoveryError) {
        guard let operatorKey, clear > 0 else { return }
        do { writer.use(try IdentityKeys.seal(directory: directory.path, to: operatorKey)) } catch { throw .key(error) }
        tell(sealed: clear, log)
    }

    private static func tell(sealed count: Int, _ log: PluginLogger) {
        guard count > 0 else { return }
        let what = count == 1 ? "the key of 1 epoch is" : "the keys of \(count) epochs are"
        log.info(
            "\(what) now sealed to the operator's key, and overwritten on the disk as far as the file system lets one; backups "
                + "still have them")
    }
}

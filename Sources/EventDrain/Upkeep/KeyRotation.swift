import CMachine
import EventLog
import MetricsMemory
import MetricsModel
import Pseudonyms

/// Looks after the pseudonym keys: begins a new epoch when the newest key is old enough, and destroys an epoch's key when the
/// log has no row of it any more. Runs between two transactions, on the thread that writes the log.
public final class KeyRotation {
    private static let lookNanoseconds: UInt64 = 60_000_000_000
    private static let retryNanoseconds: UInt64 = 60_000_000_000

    private let directory: String
    /// Nil: keys are not rotated.
    private let rotationMicroseconds: Int64?
    /// New keys are on the disk only sealed to it; nil: as they are.
    private let operatorKey: OperatorKey?
    private let kept: KeptKey?
    private let log: PluginLogger
    private var lookAt: UInt64 = 0
    private var retryAt: UInt64 = 0
    private var isTroubleSaid = false
    private var isFullSaid = false

    public init(
        directory: String, rotationNanoseconds: UInt64?, operatorKey: OperatorKey? = nil, kept: KeptKey? = nil,
        log: PluginLogger
    ) {
        self.directory = directory
        rotationMicroseconds = rotationNanoseconds.map { Int64(clamping: $0 / 1000) }
        self.operatorKey = operatorKey
        self.kept = kept
        self.log = log
    }

    /// Call as often as the thread looks; when there is nothing to do, it costs two clock readings at most.
    public func run(
        _ writer: EventLogWriter,
        nowMicroseconds: Int64 = Int64(TickClock.realtimeNanoseconds() / 1000),
        monotonicNanoseconds now: UInt64 = TickClock.monotonicNanoseconds()
    ) {
        guard writer.keys != nil, now >= retryAt else { return }
        do {
            if now >= lookAt {
                lookAt = now &+ Self.lookNanoseconds
                try destroySpent(writer)
            }
            try rotateIfDue(writer, nowMicroseconds)
            if isTroubleSaid { log.info("the identity keys can be written again") }
            isTroubleSaid = false
        } catch {
            retryAt = now &+ Self.retryNanoseconds
            if !isTroubleSaid { log.warning("\(error.message); the plugin tries again every minute") }
            isTroubleSaid = true
        }
    }

    /// Rows were just removed: an epoch's last one may have been among them.
    public func didRemove(
        _ writer: EventLogWriter,
        nowMicroseconds: Int64 = Int64(TickClock.realtimeNanoseconds() / 1000),
        monotonicNanoseconds now: UInt64 = TickClock.monotonicNanoseconds()
    ) {
        lookAt = 0
        run(writer, nowMicroseconds: nowMicroseconds, monotonicNanoseconds: now)
    }

    /// Destroys the keys of the epochs whose last row has left the log.
    private func destroySpent(_ writer: EventLogWriter) throws(IdentityKeyError) {
        guard let keys = writer.keys else { return }
        // If the log cannot be asked now, nothing is destroyed.
        guard let spent = try? writer.spentEpochs() else { return }
        if !spent.isEmpty {
            try keys.expectUnchanged(directory: directory)
            writer.use(try IdentityKeys.destroy(spent, directory: directory, kept: kept)?.with(memoryOf: keys))
            let what = spent.count == 1 ? "the key of 1 epoch is" : "the keys of \(spent.count) epochs are"
            log.info("\(what) destroyed: its last event is no longer in the log")
        }
        // Under an operator's key, each start leaves an epoch behind, and many of them never had a row.
        let sealed = keys.epochs.filter { $0.sealedTo != nil }.map { $0.number }
        if keys.epochs.count > 1 || !spent.isEmpty {
            try? writer.removeEmptyEpochs(and: spent.filter { number in sealed.contains { $0 == number } })
        }
    }

    private func rotateIfDue(_ writer: EventLogWriter, _ now: Int64) throws(IdentityKeyError) {
        guard let keys = writer.keys, writer.mode == .pseudonym else { return }
        // The start had no room for a key of its own, and names are left out.
        let isMissing = keys.newest.key == nil && operatorKey != nil
        guard isMissing || isOld(keys.newest, writer, now) else { return }
        guard !keys.isFull(sealing: operatorKey != nil) else {
            if !isFullSaid && !isMissing {
                log.warning(
                    "the identity key is not rotated: the log holds events of \(keys.epochs.count) epochs; "
                        + "a longer QPC_METRICS_PLUGIN_KEY_ROTATION or a shorter RETENTION makes room"
                )
            }
            isFullSaid = true
            return
        }
        isFullSaid = false
        try keys.expectUnchanged(directory: directory)
        writer.use(
            try IdentityKeys.rotate(
                directory: directory, atLeast: writer.newestEpoch + 1, nowMicroseconds: now, sealedTo: operatorKey,
                kept: kept))
        // If this fails, the epoch's first rows bring its check with them.
        try? writer.saveKeyChecks()
        log.info("a new key epoch has begun; the log holds events of \(keys.epochs.count) before it")
    }

    private func isOld(_ epoch: IdentityKeys.Epoch, _ writer: EventLogWriter, _ now: Int64) -> Bool {
        // A key that nothing was written under is as good as new.
        guard let rotation = rotationMicroseconds, writer.newestEpoch == epoch.number else { return false }
        let (age, overflow) = now.subtractingReportingOverflow(epoch.startedMicroseconds)
        // A key dated far in the future was made under a wrong clock.
        return overflow || age >= rotation || age < -rotation
    }
}

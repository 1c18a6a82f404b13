import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// The log in use, or why there is none at the moment. Only this class replaces one log with another: when the one in use was
/// deleted, moved or replaced, when it is damaged, or when its database has to be reopened. Runs on the plugin's thread.
///
/// The old log is closed before the next one is opened: two connections from one process to the same file would drop each
/// other's locks. In between there is no drainer, and events wait in their rings. What the old log held beyond the next one
/// is counted as lost, by the same rule as at startup.
final class CurrentLog {
    enum Cause {
        case changed(LogFileWatch.Change)
        case damaged(LogError)
        /// It keeps failing; perhaps the database is at fault.
        case failing
    }

    private enum State {
        case open(Drainer)
        case closed(Closed)
    }

    /// What the next log needs to know about the last one.
    private struct Closed {
        var remains: Drainer.Remains
        var cause: Cause
        /// Whether the file in the log's place must be quarantined before a log is opened.
        var isQuarantineDue: Bool
        /// The time of the log's oldest event, or when it was begun: UTC, microseconds; 0 if neither is known.
        var oldest: Int64
        /// When it was closed.
        var at: Int64
        /// Files quarantined for this replacement so far.
        var quarantined: UInt64 = 0
    }

    private var state: State
    private var opener: LogOpener
    private let live: LiveFile
    private let session: (UInt64, UInt64)
    private let clock: DrainClock
    private let log: PluginLogger
    /// The files of the last log that was open.
    private var files: LogFileWatch
    /// How many of that log's checkpoints `files` knows about.
    private var checkpoints: Int
    private var hasSaidDirectory = false
    /// When the log in use was opened in place of another: UTC, microseconds; 0 for the one that was there at the start.
    private var began: Int64 = 0

    /// - Parameter drainer: for the log in the directory. Nobody else may hold it when the log is closed.
    init(_ drainer: Drainer, live: LiveFile, opener: LogOpener, clock: DrainClock) {
        state = .open(drainer)
        self.opener = opener
        self.live = live
        self.clock = clock
        log = opener.log
        session = drainer.session
        files = LogFileWatch(of: drainer.writer.database)
        checkpoints = drainer.writer.database.checkpoints
        // The writer has them; a key that is rotated away must not stay in memory here.
        self.opener.keys = nil
    }

    var path: String { opener.path }

    /// Nil while the log is closed.
    var drainer: Drainer? {
        if case .open(let drainer) = state { return drainer }
        return nil
    }

    /// What happened to the open log's files. If the directory has lost its name, no new log is begun: another server may
    /// hold what is at that path now. The open log is intact, and stays in use.
    func change() -> LogFileWatch.Change? {
        guard case .open = state, let change = files.change() else { return nil }
        if opener.directory.isInPlace { return change }
        if !hasSaidDirectory {
            hasSaidDirectory = true
            log.error(
                "the data directory \(opener.directory.path) was deleted, moved or replaced; events still go into "
                    + "the log that was moved with it; restart the server")
        }
        return nil
    }

    /// Call right after anything that may have checkpointed: the plugin itself has then written to the log's file. The longer
    /// that is put off, the more of another program's writes pass for the plugin's own.
    func noteCheckpoints() {
        guard case .open(let drainer) = state, drainer.writer.database.checkpoints != checkpoints else { return }
        checkpoints = drainer.writer.database.checkpoints
        files.didCheckpoint()
    }

    /// Closes the log, if one is open.
    func close(_ cause: Cause) {
        guard case .open(let drainer) = state else { return }
        let oldest = Int64(clamping: live.map.word(QPCM_HEADER_OLDEST_EVENT))
        var closed = Closed(
            remains: drainer.remains, cause: cause, isQuarantineDue: false, oldest: oldest > 0 ? oldest : began,
            at: clock.now.wall)
        opener.keys = drainer.writer.keys
        switch cause {
        // None of the old content may be written over the new.
        case .changed(.overwritten), .failing: break
        // A log that was moved away must be complete where it went.
        case .changed: try? drainer.writer.checkpoint(truncating: true)
        case .damaged: closed.isQuarantineDue = true
        }
        // Whatever the cause: the log may have lost its place in the meantime.
        if let change = files.changeOfPlace() {
            closed.cause = .changed(change)
            closed.isQuarantineDue = false
        }
        state = .closed(closed)
    }

    /// The log that was about to be opened is itself damaged.
    func noteDamage(_ error: LogError) {
        guard case .closed(var closed) = state, error.cause == .corrupt else { return }
        closed.cause = .damaged(error)
        closed.isQuarantineDue = true
        state = .closed(closed)
    }

    /// Opens the log that is there now, or creates one, and continues with it. Not while one is open.
    ///
    /// - Throws: `LogError`; the call can then be retried.
    func open() throws(LogError) -> Drainer {
        guard case .closed(var closed) = state else {
            throw LogError(operation: "open", path: path, code: 1, detail: "a log is open")
        }
        // What was quarantined still counts if the rest fails.
        defer { if case .closed = state { state = .closed(closed) } }
        try moveWhatIsInTheWay(&closed)
        let writer = try opener.open(quarantined: &closed.quarantined)
        // The log there now may belong to another key. Without a key, pseudonyms are left out: no reason to stay closed.
        do {
            try KeyStartup.settle(
                opener.directory, opener.settings, sealing: opener.sealing, kept: opener.kept, writer,
                quarantined: &closed.quarantined, log: log)
        } catch {
            log.warning(error.message)
        }
        if case .changed(.overwritten) = closed.cause {
            try expectSound(writer)
            // A power cut that takes the WAL would expose damage that the WAL hides.
            try writer.checkpoint(truncating: false)
        }
        let stored = try StoredState.read(writer.database)
        let remains = closed.remains
        var totals = Reconciliation.totals(
            log: stored, live: live.map, session: session, drained: remains.ringed, isContinuation: false)
        totals.ringed[CounterIndex.filesQuarantined] &+= closed.quarantined
        writer.continueIDs(from: remains.nextID)
        let drainer = Drainer(
            map: live.map, session: session, clock: live.options.clock, writer: writer, ringed: totals.ringed,
            stored: totals.isLogsOwn ? stored : .none, unshown: unshown(totals, remains),
            batchSizes: remains.batchSizes, hasMetDamage: remains.hasMetDamage, drops: remains.drops,
            deliveries: remains.deliveries, people: remains.people)
        let now = clock.now.wall
        let account = drainer.drops.account
        if !totals.isLogsOwn { drainer.drops.carryOver() }
        drainer.drops.lose(totals.drops, at: now, since: try oldestLost(closed, stored, writer), until: newestLost(closed))
        drainer.startLiveClock()
        do {
            try drainer.saveCounters()
        } catch {
            // The next attempt finds the same again.
            drainer.drops.account = account
            throw error
        }
        began = now
        live.map.set(QPCM_HEADER_OLDEST_EVENT, UInt64(clamping: (try? writer.oldestEvent()) ?? 0))
        showDirect(totals)
        opener.directory.sync()
        files = LogFileWatch(of: writer.database)
        checkpoints = writer.database.checkpoints
        state = .open(drainer)
        opener.keys = nil
        report(closed, totals)
        return drainer
    }

    /// An earlier copy of the log that was in use lacks what came after its own newest event.
    private func oldestLost(_ closed: Closed, _ stored: StoredState, _ writer: EventLogWriter) throws(LogError) -> Int64 {
        guard let known = stored.session, known == session else { return closed.oldest }
        return max(closed.oldest, try writer.newestEvent() ?? 0)
    }

    private func newestLost(_ closed: Closed) -> Int64 { closed.remains.newestTime > 0 ? closed.remains.newestTime : closed.at }

    private func moveWhatIsInTheWay(_ closed: inout Closed) throws(LogError) {
        if closed.isQuarantineDue, case .damaged(let error) = closed.cause {
            // It may be gone by now, which is just as well.
            if opener.directory.contains(DataFile.log.name) {
                guard opener.quarantine(because: error) else { throw error }
                closed.quarantined += 1
            }
            closed.isQuarantineDue = false
        }
        guard case .changed(let change) = closed.cause else { return }
        switch change {
        case .incomplete, .overwritten: return
        case .missing, .replaced: break
        }
        // The next log must not take the old one's WAL for its own.
        guard files.hasLeftWriteAheadFile else { return }
        let name = DataFile.wal.name
        guard let kept = opener.directory.quarantine(name, as: .left) else {
            throw LogError(
                operation: "rename", path: path + "-wal", code: qpcm_errno(),
                detail: String(cString: strerror(qpcm_errno())))
        }
        closed.quarantined += 1
        log.warning("the WAL that the log \(path) left behind is now \(kept)")
    }

    /// The largest log that is read in full before it is used, which takes a tenth of a second.
    private static let bytesToCheck = 64 << 20

    /// Another program's checkpoint does no harm; the WAL's pages on top of different content are damage.
    private func expectSound(_ writer: EventLogWriter) throws(LogError) {
        var status = stat()
        guard qpcm_lstat(path, &status) == 0, status.st_size <= Self.bytesToCheck else { return }
        try writer.database.quickCheck()
    }

    /// The live file shows what hooks counted and what was drained. A log with higher counts raises all of them; this
    /// session's own log can only be ahead in what was written.
    private func unshown(_ totals: Reconciliation.Totals, _ remains: Drainer.Remains) -> [UInt64] {
        var difference = [UInt64](repeating: 0, count: CounterIndex.words)
        let first = totals.isLogsOwn ? CounterIndex.written(.messageEnqueue) : 0
        for index in first..<CounterIndex.words where totals.ringed[index] > remains.ringed[index] {
            difference[index] = totals.ringed[index] - remains.ringed[index]
        }
        return difference
    }

    /// A drop implies that the event was recorded, so that count is not shown separately.
    private func showDirect(_ totals: Reconciliation.Totals) {
        let shown = live.map.totals(.direct)
        let derived = CounterIndex.events(.messageEnqueue)..<CounterIndex.events(.messageEnqueue) + EventKind.allCases.count
        for index in 0..<CounterIndex.words where !derived.contains(index) && totals.direct[index] > shown[index] {
            live.map.drainDirect.add(totals.direct[index] - shown[index], to: index)
        }
    }

    private func report(_ closed: Closed, _ totals: Reconciliation.Totals) {
        let lost = totals.lost > 0 ? "; \(totals.lost) events were lost with the old one" : ""
        switch closed.cause {
        case .changed(.incomplete), .failing:
            if totals.lost > 0 { log.warning("the log \(path) was reopened\(lost)") }
            if case .changed(let change) = closed.cause {
                log.warning("the log \(path) \(change.text); they were created again")
            }
        case .changed(.overwritten):
            if totals.lost > 0 || closed.quarantined > 0 {
                log.warning("the log \(path) was written to by another program while it was in use\(lost)")
            }
        case .changed(.missing):
            log.warning("the log \(path) was deleted or moved away while it was in use; a new one has begun\(lost)")
        case .changed(.replaced):
            log.warning("the log \(path) was replaced while it was in use; the new file is used now\(lost)")
        case .damaged:
            if totals.lost > 0 { log.warning("\(totals.lost) events were lost with the log that was quarantined") }
        }
    }
}

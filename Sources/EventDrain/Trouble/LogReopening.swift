import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// Puts another log under a running drain: when the one in use was deleted, moved or replaced, when it is damaged, or
/// when its database has to be made anew. The one place that does so, on the plugin's thread.
///
/// First the old log is closed, then the next one opened: two connections of one process to one file would undo each
/// other's locks. In between there is no drainer, and events wait in their rings. What the old log held beyond the next
/// one is counted as lost, by the same rule as at a start.
final class LogReopening {
    enum Cause {
        case changed(LogFileWatch.Change)
        case damaged(LogError)
        /// It fails again and again; perhaps the database is at fault.
        case failing
    }

    private var place: LogOpener
    private let live: LiveFile
    private let session: (UInt64, UInt64)
    private var files: LogFileWatch
    /// Of the log in use, as far as `files` knows.
    private var checkpoints = 0
    private var hasSaidDirectory = false

    /// What is to be done, while there is no drainer.
    private var remains: Drainer.Remains?
    private var cause = Cause.failing
    /// Files set aside for this replacement so far.
    private var quarantined: UInt64 = 0
    private var isQuarantineDue = false

    /// - Parameter writer: of the log that lies in the place.
    init(place: LogOpener, live: LiveFile, session: (UInt64, UInt64), writer: EventLogWriter) {
        self.place = place
        self.live = live
        self.session = session
        files = LogFileWatch(of: writer.database)
    }

    /// What happened to the log's files. A directory that lost its name is no place for a new log: another server may
    /// hold what lies there now. The log in it is whole, and stays in use.
    func change(of writer: EventLogWriter) -> LogFileWatch.Change? {
        if writer.database.checkpoints != checkpoints {
            checkpoints = writer.database.checkpoints
            files.didCheckpoint()
        }
        guard let change = files.change() else { return nil }
        if place.directory.isInPlace { return change }
        if !hasSaidDirectory {
            hasSaidDirectory = true
            place.log.error(
                "the data directory \(place.directory.path) was deleted, moved or replaced; events go on into "
                    + "the log where it went; restart the server")
        }
        return nil
    }

    /// Closes the log and lets the drainer go, on which nobody else has a hold.
    func close(_ drainer: inout Drainer?, _ cause: Cause) {
        guard let writer = drainer?.writer, let remains = drainer?.remains else { return }
        self.remains = remains
        self.cause = cause
        place.keys = writer.keys
        quarantined = 0
        isQuarantineDue = false
        switch cause {
        // Nothing of the old content is to be laid over the new.
        case .changed(.overwritten), .failing: break
        // A log that was moved away is to be whole where it went.
        case .changed: try? writer.checkpoint(truncating: true)
        case .damaged: isQuarantineDue = true
        }
        drainer = nil
        // Whatever the cause was: the log may have lost its place in the meantime.
        if let change = files.changeOfPlace() {
            self.cause = .changed(change)
            isQuarantineDue = false
        }
    }

    /// What was to be opened is damaged itself.
    func meet(_ error: LogError) {
        guard remains != nil, error.cause == .corrupt else { return }
        cause = .damaged(error)
        isQuarantineDue = true
    }

    /// Opens the log that is there now, or begins one, and goes on with it.
    ///
    /// - Throws: `LogError`; then it can be tried again.
    func open() throws(LogError) -> Drainer {
        guard let remains else {
            throw LogError(operation: "open", path: place.path, code: 1, detail: "no log was closed")
        }
        try moveWhatIsInTheWay()
        let writer = try place.open(quarantined: &quarantined)
        // The log that lies there now may be another key's. Without a key pseudonyms are left out: no reason to stay closed.
        do {
            try KeyStartup.settle(
                place.directory, identities: place.settings.identities, writer, quarantined: &quarantined, log: place.log)
        } catch {
            place.log.warning(error.message)
        }
        if case .changed(.overwritten) = cause {
            try expectSound(writer)
            // Damage that the write-ahead file hides would come to light if a power cut took that.
            try writer.checkpoint(truncating: false)
        }
        let stored = try StoredState.read(writer.database)
        var totals = Reconciliation.totals(
            log: stored, live: live.map, session: session, drained: remains.ringed, isContinuation: false)
        totals.ringed[CounterIndex.filesQuarantined] &+= quarantined
        writer.continueIDs(from: remains.nextID)
        let drainer = Drainer(
            map: live.map, session: session, clock: live.options.clock, writer: writer, ringed: totals.ringed,
            stored: totals.isLogsOwn ? stored : .none, unshown: unshown(totals, remains),
            batchSizes: remains.batchSizes, hasMetDamage: remains.hasMetDamage, drops: remains.drops,
            deliveries: remains.deliveries)
        drainer.drops.add(totals.drops, at: Int64(clamping: TickClock.realtimeNanoseconds() / 1000))
        drainer.startLiveClock()
        try drainer.saveCounters()
        showDirect(totals)
        place.directory.sync()
        files = LogFileWatch(of: writer.database)
        checkpoints = writer.database.checkpoints
        self.remains = nil
        tell(totals)
        return drainer
    }

    private func moveWhatIsInTheWay() throws(LogError) {
        if isQuarantineDue, case .damaged(let error) = cause {
            // It may be gone by now, which is as good.
            if place.directory.contains(DataFile.log.name) {
                guard place.quarantine(because: error) else { throw error }
                quarantined += 1
            }
            isQuarantineDue = false
        }
        guard case .changed(let change) = cause else { return }
        switch change {
        case .incomplete, .overwritten: return
        case .missing, .replaced: break
        }
        // The next log must not take the old one's write-ahead file for its own.
        guard files.hasLeftWriteAheadFile else { return }
        let name = DataFile.wal.name
        guard let kept = place.directory.quarantine(name, as: .left) else {
            throw LogError(
                operation: "rename", path: place.path + "-wal", code: qpcm_errno(),
                detail: String(cString: strerror(qpcm_errno())))
        }
        quarantined += 1
        place.log.warning("what the log \(place.path) had not taken in when it went is now \(kept)")
    }

    /// The largest log that is read as a whole before it is used: a tenth of a second.
    private static let bytesToCheck = 64 << 20

    /// Another program's checkpoint is no harm; what the write-ahead file holds laid over another content is damage.
    private func expectSound(_ writer: EventLogWriter) throws(LogError) {
        var status = stat()
        guard qpcm_lstat(place.path, &status) == 0, status.st_size <= Self.bytesToCheck else { return }
        try writer.database.quickCheck()
    }

    /// The live file shows what hooks counted and what was drained. A log with more in its account raises all that; one
    /// that is this session's own can only know more of what was written.
    private func unshown(_ totals: Reconciliation.Totals, _ remains: Drainer.Remains) -> [UInt64] {
        var difference = [UInt64](repeating: 0, count: CounterIndex.words)
        let first = totals.isLogsOwn ? CounterIndex.written(.messageEnqueue) : 0
        for index in first..<CounterIndex.words where totals.ringed[index] > remains.ringed[index] {
            difference[index] = totals.ringed[index] - remains.ringed[index]
        }
        return difference
    }

    /// That a dropped event was recorded follows from its drop, and is not shown by itself.
    private func showDirect(_ totals: Reconciliation.Totals) {
        let shown = live.map.totals(.direct)
        let derived = CounterIndex.events(.messageEnqueue)..<CounterIndex.events(.messageEnqueue) + EventKind.allCases.count
        for index in 0..<CounterIndex.words where !derived.contains(index) && totals.direct[index] > shown[index] {
            live.map.drainDirect.add(totals.direct[index] - shown[index], to: index)
        }
    }

    private func tell(_ totals: Reconciliation.Totals) {
        let lost = totals.lost > 0 ? "; \(totals.lost) events are gone with the old one" : ""
        switch cause {
        case .changed(.incomplete), .failing:
            if totals.lost > 0 { place.log.warning("the log \(place.path) was opened anew\(lost)") }
            if case .changed(let change) = cause {
                place.log.warning("the log \(place.path) \(change.text); they were made anew")
            }
        case .changed(.overwritten):
            if totals.lost > 0 || quarantined > 0 {
                place.log.warning("the log \(place.path) was written to by another program while it was in use\(lost)")
            }
        case .changed(.missing):
            place.log.warning("the log \(place.path) was deleted or moved away while it was in use; a new one is begun\(lost)")
        case .changed(.replaced):
            place.log.warning("the log \(place.path) was replaced while it was in use; what lies there is used now\(lost)")
        case .damaged:
            if totals.lost > 0 { place.log.warning("\(totals.lost) events are gone with the log that was set aside") }
        }
    }
}

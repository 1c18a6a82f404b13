import CMachine
import CMetricsLayout
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel

/// The ledger, checked against the rows: for every kind, recorded = in the log + pending + dropped + removed.
///
/// If no server is running, every term is counted independently: rows one by one, pending events by walking the rings, recorded
/// events from the counters. If one is running, the rows and the log's own totals are from the same snapshot, and the rest of
/// what was recorded is pending.
public struct Ledger: Sendable {
    public struct Line: Sendable {
        public var kind: EventKind
        public var recorded: UInt64
        /// Rows, counted.
        public var inLog: UInt64
        public var pending: UInt64
        public var dropped: UInt64
        public var removed: UInt64

        /// Events missing (positive) or in excess (negative); 0 if the ledger balances.
        public var difference: Int64 {
            Int64(bitPattern: recorded &- inLog &- pending &- dropped &- removed)
        }
    }

    public var lines: [Line]
    /// What the checks found, SQLite's own and those of rows, names, indexes, checksums and counters; empty if nothing is wrong.
    public var problems: [String]
    public var isServerRunning: Bool

    public var isExact: Bool { lines.allSatisfy { $0.difference == 0 } }

    /// Reads again while servers and commands start and stop: a difference counts only if nothing changed during the reading that
    /// found it. The terms are in two files and a lock, which a reader cannot freeze.
    ///
    /// - Throws: `DataSourceError`, likewise only from a reading during which nothing changed, or from the final one after ten
    ///   seconds of changes.
    ///
    /// - Parameter progress: called now and then, from another thread, with the fraction of the log checked so far.
    public static func prove(
        _ source: DataSource, checkingLog: Bool = true, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws(DataSourceError) -> Ledger {
        let deadline = TickClock.monotonicNanoseconds() + patienceNanoseconds
        while true {
            let before = Moment(source)
            let isLast = TickClock.monotonicNanoseconds() > deadline
            do {
                let (ledger, didLogChange) = try look(source, checkingLog: checkingLog, progress)
                if ledger.isExact && ledger.problems.isEmpty { return ledger }
                if isLast || (before.isSettled && before == Moment(source) && (ledger.isServerRunning || !didLogChange)) {
                    return ledger
                }
            } catch {
                if isLast || (before.isSettled && before == Moment(source) && !Self.isPassing(error)) { throw error }
            }
            _ = usleep(20_000)
        }
    }

    /// Locks of other processes, held only briefly; and a WAL index that a server left half written when it was killed, which a
    /// reader may not repair, and the next start does.
    private static func isPassing(_ error: DataSourceError) -> Bool {
        guard case .log(let error) = error else { return false }
        return error.cause == .busy || error.code & 0xFF == 15 || error.code == 264  // SQLITE_PROTOCOL, SQLITE_READONLY_RECOVERY
    }

    /// A start or a command takes milliseconds. If a server keeps restarting, the first reading after this time is final.
    private static let patienceNanoseconds: UInt64 = 10_000_000_000

    /// The files, the session, and whether a process writes them: equal at two times if nothing was replaced in between.
    private struct Moment: Equatable {
        var log: FileIdentity?
        var live: FileIdentity?
        var session: [UInt64] = []
        var isHeld: Bool
        var isRunning = false

        init(_ source: DataSource) {
            isHeld = source.isHeld
            log = FileIdentity(at: source.logPath)
            live = FileIdentity(at: source.livePath)
            guard let reader = try? source.live() else { return }
            session = [reader.header.session.0, reader.header.session.1]
            isRunning = reader.isRunning
        }

        /// False while a command or a start is changing the directory's state.
        var isSettled: Bool { isHeld == isRunning || !isHeld }
    }

    private static func look(
        _ source: DataSource, checkingLog: Bool, _ progress: @escaping @Sendable (Double) -> Void
    ) throws(DataSourceError) -> (ledger: Ledger, didLogChange: Bool) {
        let log = try source.requiredLog()
        let live = try source.live()
        // SQLite's own check of every page and ours of every row, each on its own thread with its own reader.
        var checks: [LogCheck] = []
        if checkingLog {
            checks = [
                LogCheck(source) { log throws(LogError) in try log.integrityProblems() },
                LogCheck(source) { log throws(LogError) in
                    try log.indexProblems { done, all in progress(Double(done) / Double(max(1, all))) }
                },
            ]
        }
        do {
            // The counters are read after the log's account: whatever they are ahead by is pending.
            let (state, rows) = try log.account()
            let isRunning = live.map { source.isRunning($0) } ?? false
            let terms = Terms(state: state, live: live, isRunning: isRunning)
            let lines = EventKind.allCases.map { terms.line($0, rows: UInt64(rows[$0.index])) }
            var problems = terms.problems
            if let problem = try log.accountProblem() { problems.append(problem) }
            for check in checks { problems += try check.problems() }
            // Do not use SQLite's data version: a reader without write access to the WAL's index sees a new one with every
            // transaction.
            let again = try log.account().state
            let didLogChange = again.ringed != state.ringed || again.direct != state.direct
            return (Ledger(lines: lines, problems: problems, isServerRunning: isRunning), didLogChange)
        } catch {
            throw .log(error)
        }
    }

    /// The totals of the log and the live file, to compare the rows with.
    private struct Terms {
        let ringed: [UInt64]
        let direct: [UInt64]
        /// Counters of the records still in the rings; nil for a running server.
        let pending: [UInt64]?
        let counted: [UInt64]?
        /// Counters with impossible values, in words.
        var problems: [String] = []

        init(state: StoredState, live: LiveFileReader?, isRunning: Bool) {
            ringed = state.ringed
            guard let live else {
                direct = state.direct
                pending = nil
                counted = nil
                return
            }
            guard !isRunning else {
                // Drops first, and from one reading: whatever a hook counts from here on is in neither term.
                var totals = live.map.totals(.direct)
                for index in 0..<CounterIndex.words { totals[index] = max(totals[index], state.direct[index]) }
                direct = totals
                let ringed = live.map.totals(.ringed)
                counted = (0..<CounterIndex.words).map { ringed[$0] &+ totals[$0] }
                pending = nil
                return
            }
            direct = live.map.totals(.direct)
            counted = live.map.totals(.both)
            var positions: [Int: UInt64] = [:]
            if let known = state.session, known == live.header.session {
                for ring in state.rings { positions[ring.slot] = ring.position }
            }
            let waiting = PendingRecords.tally(live.map, positions: positions)
            pending = waiting
            if let mismatch = live.mismatch { problems.append(mismatch) }
            // After a power cut, some pages of the live file may be older than the log.
            if live.header.bootID == BootID.current, Self.follows(live, state) {
                problems += Self.impossible(live.map, state: state, pending: waiting)
            }
        }

        /// Whether the log's account and the live file's belong together: either the log drained the file's rings, or the file
        /// continues from the log and has not been drained yet.
        private static func follows(_ live: LiveFileReader, _ state: StoredState) -> Bool {
            if let known = state.session, known == live.header.session { return true }
            let counted = live.map.totals(.ringed)
            return EventKind.allCases.allSatisfy {
                counted[CounterIndex.written($0)] == state.ringed[CounterIndex.written($0)]
                    && counted[CounterIndex.lost($0)] == state.ringed[CounterIndex.lost($0)]
            }
        }

        /// A killed server's counters have no checksum, but they have bounds: the log counts what it took in, the rings hold the
        /// rest, and no counter ever decreases.
        private static func impossible(_ live: LiveMap, state: StoredState, pending: [UInt64]) -> [String] {
            let (ringed, direct) = (live.totals(.ringed), live.totals(.direct))
            return (0..<CounterIndex.used).compactMap { index in
                let most = state.ringed[index] &+ pending[index]
                let isSum = CounterName.text(index).hasSuffix("sum")
                // Each thread may have been killed between committing an event and counting it.
                let least = isSum ? 0 : state.ringed[index] - min(state.ringed[index], UInt64(QPCM_SLOT_LIMIT))
                let isDrains = index >= CounterIndex.written(.messageEnqueue) || index == CounterIndex.removedForSize
                // Incremented in the live file first: whoever quarantines a file has no log open.
                if index == CounterIndex.filesQuarantined { return nil }
                if ringed[index] <= most, isDrains || ringed[index] >= least, direct[index] >= state.direct[index] { return nil }
                return "live.qpcm: the counter \(CounterName.text(index)) does not fit the log and the rings"
            }
        }

        func line(_ kind: EventKind, rows: UInt64) -> Line {
            var dropped: UInt64 = 0
            for cause in DropCause.allCases {
                let index = CounterIndex.dropped(kind, cause)
                dropped &+= ringed[index] &+ direct[index]
            }
            var removed: UInt64 = 0
            for cause in RemovalCause.allCases { removed &+= ringed[CounterIndex.removed(kind, cause)] }
            let events = CounterIndex.events(kind)
            let drained = ringed[events] &+ direct[events]
            if let pending, let counted {
                let known = drained &+ pending[events]
                // A hook may have been killed between commit and count: the event is then in the ring, but not in the counter
                // until recovery. Any other difference is an error.
                return Line(
                    kind: kind, recorded: max(known, counted[events]), inLog: rows, pending: pending[events],
                    dropped: dropped, removed: removed)
            }
            let recorded = max(counted?[events] ?? 0, drained)
            return Line(
                kind: kind, recorded: recorded, inLog: rows, pending: recorded &- drained, dropped: dropped,
                removed: removed)
        }
    }
}

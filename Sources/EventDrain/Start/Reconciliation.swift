import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// The totals to continue with, from the log's account and a live file's, when the two may not belong together.
///
/// Usually they do, and the log's account is authoritative for everything `ringed`. If the log was deleted, quarantined or
/// replaced, the live file knows more than the log; counters must not go down, so the larger of the two is taken, and rows
/// that the log should have but does not are counted as lost.
enum Reconciliation {
    struct Totals {
        var ringed: [UInt64]
        var direct: [UInt64]
        /// Rows that are gone with another log.
        var lost: UInt64 = 0
        /// The same rows, as the drops that they are counted as.
        var drops = DropTotals()
        /// Whether the log's account is this session's, and up to date.
        var isLogsOwn = false
        /// Whether the live file counted into another log, or into a later copy of this one.
        var isOfAnotherLog = false
    }

    /// The totals of a live file whose server is dead.
    ///
    /// - Parameter pending: what waits in the live file's rings, by `PendingRecords.tally`.
    static func totals(log: StoredState, live: LiveMap, session: (UInt64, UInt64), pending: [UInt64]) -> Totals {
        let liveRinged = live.totals(.ringed)
        var drained = liveRinged
        for index in 0..<CounterIndex.words {
            let known = liveRinged[index] &- pending[index]
            // A hook that was killed between its commit and its count leaves the count one behind.
            drained[index] = known > liveRinged[index] ? 0 : known
        }
        // The session of this live file never committed: the file began with the log's own account, and has got no further.
        let isContinuation = EventKind.allCases.allSatisfy {
            liveRinged[CounterIndex.written($0)] == log.ringed[CounterIndex.written($0)]
                && liveRinged[CounterIndex.lost($0)] == log.ringed[CounterIndex.lost($0)]
        }
        return totals(
            log: log, live: live, session: session, drained: drained, isContinuation: isContinuation)
    }

    /// - Parameter drained: the totals at the last commit to whichever log was in use then.
    static func totals(
        log: StoredState, live: LiveMap, session: (UInt64, UInt64), drained: [UInt64], isContinuation: Bool
    ) -> Totals {
        // Both only grow, so the larger is the later one: usually the live file's, unless it was truncated.
        var totals = Totals(ringed: log.ringed, direct: live.totals(.direct))
        for index in 0..<CounterIndex.words { totals.direct[index] = max(totals.direct[index], log.direct[index]) }
        if isOwn(log, live, session) {
            totals.isLogsOwn = true
            return totals
        }
        if isContinuation { return totals }
        totals.isOfAnotherLog = true
        for index in 0..<CounterIndex.words {
            totals.ringed[index] = max(drained[index], log.ringed[index])
        }
        for kind in EventKind.allCases {
            // What the hooks counted decides: a kill may come after rows are shown as written but before their records are
            // given back.
            let events = drained[CounterIndex.events(kind)]
            let torn = drained[CounterIndex.dropped(kind, .torn)]
            let written = CounterIndex.written(kind)
            totals.ringed[written] = max(events > torn ? events &- torn : 0, log.ringed[written])
            balance(kind, log, &totals)
        }
        return totals
    }

    /// A log restored from an earlier copy also belongs to this session, but is behind the rings: what it lacks was wiped
    /// there after it had been committed.
    private static func isOwn(_ log: StoredState, _ live: LiveMap, _ session: (UInt64, UInt64)) -> Bool {
        guard let known = log.session, known == session else { return false }
        for index in 0..<live.slotsReady where !live.isAbsent(index) {
            let head = RingConsumer.head(of: live.slot(index))
            let stored = log.rings.first { $0.slot == index }?.position ?? 0
            if head > stored { return false }
        }
        return true
    }

    /// Balances the ledger for the rows that the log has: written = rows + removed + lost, and recorded = written + torn,
    /// with none of them lower than either side's value.
    private static func balance(_ kind: EventKind, _ log: StoredState, _ totals: inout Totals) {
        func removed(_ counters: [UInt64]) -> UInt64 {
            RemovalCause.allCases.reduce(0) { $0 &+ counters[CounterIndex.removed(kind, $1)] }
        }
        let written = CounterIndex.written(kind)
        let lost = CounterIndex.lost(kind)
        let rows = log.ringed[written] &- log.ringed[lost] &- removed(log.ringed)
        let gone = removed(totals.ringed) &+ rows
        let before = totals.ringed[lost]
        if totals.ringed[written] > gone &+ before {
            totals.ringed[lost] = totals.ringed[written] &- gone
            totals.ringed[CounterIndex.dropped(kind, .logError)] &+= totals.ringed[lost] &- before
            totals.lost &+= totals.ringed[lost] &- before
            totals.drops.values[CounterIndex.dropped(kind, .logError) - DropTotals.first] &+= totals.ringed[lost] &- before
        } else {
            totals.ringed[written] = gone &+ before
        }
        totals.ringed[CounterIndex.events(kind)] =
            totals.ringed[written] &+ totals.ringed[CounterIndex.dropped(kind, .torn)]
    }
}

import EventLog
import MetricsMemory
import MetricsModel

/// The totals with which to go on, from the log's account and a live file's, when the two may not belong together.
///
/// Usually they do, and the log's account is the truth for all that is `ringed`. If the log was deleted, set aside or
/// replaced, the live file knows more than the log; counters must not go down, so the larger of both is taken, and
/// rows that the log should have and has not are counted as lost.
enum Reconciliation {
    struct Totals {
        var ringed: [UInt64]
        var direct: [UInt64]
        /// Rows that went with another log.
        var lost: UInt64 = 0
    }

    /// - Parameter pending: what waits in the live file's rings, by `PendingRecords.tally`.
    static func totals(log: StoredState, live: LiveMap, session: (UInt64, UInt64), pending: [UInt64]) -> Totals {
        let liveRinged = live.totals(.ringed)
        var totals = Totals(ringed: log.ringed, direct: live.totals(.direct))
        if let known = log.session, known == session { return totals }
        // A live file that no commit followed: it began with the log's own account, and has come no further.
        let isContinuation = EventKind.allCases.allSatisfy {
            liveRinged[CounterIndex.written($0)] == log.ringed[CounterIndex.written($0)]
                && liveRinged[CounterIndex.lost($0)] == log.ringed[CounterIndex.lost($0)]
        }
        if isContinuation { return totals }

        for index in 0..<CounterIndex.words {
            let drained = liveRinged[index] &- pending[index]
            // A hook that was killed between its commit and its count leaves the count one behind.
            let known = drained > liveRinged[index] ? 0 : drained
            totals.ringed[index] = max(known, log.ringed[index])
            totals.direct[index] = max(totals.direct[index], log.direct[index])
        }
        for kind in EventKind.allCases {
            let inLog =
                log.ringed[CounterIndex.written(kind)] &- log.ringed[CounterIndex.lost(kind)]
                &- RemovalCause.allCases.reduce(0) { $0 &+ log.ringed[CounterIndex.removed(kind, $1)] }
            let removed = RemovalCause.allCases.reduce(0) {
                $0 &+ totals.ringed[CounterIndex.removed(kind, $1)]
            }
            let written = totals.ringed[CounterIndex.written(kind)]
            let lost = written &- removed &- inLog
            let before = totals.ringed[CounterIndex.lost(kind)]
            guard lost > before, lost <= written else { continue }
            totals.ringed[CounterIndex.lost(kind)] = lost
            totals.ringed[CounterIndex.dropped(kind, .logError)] &+= lost - before
            totals.lost &+= lost - before
        }
        return totals
    }
}

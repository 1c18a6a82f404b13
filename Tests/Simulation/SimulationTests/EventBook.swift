import MetricsModel
import TestSupport

/// What a simulation itself knows about each event, to compare with the log.
struct EventBook {
    struct Entry {
        var kind: EventKind
        var slot: Int
        /// As in the log: µs since 1970.
        var time: Int64
        /// One of a few people, the one that the event names.
        var person: Int
        var bytes: UInt64
        /// The first event of its call; the events of a batch share one call.
        var call: UInt64 = 0
    }

    /// By sequence number, from 1; including events that were dropped.
    private(set) var entries: [Entry] = []
    /// Sequence numbers whose hook has returned and whose event was not dropped.
    var returned: Set<UInt64> = []
    /// Those that no flush has drained yet.
    var undrained: Set<UInt64> = []
    /// The drain runs while a batch has yet to put its next part into the ring.
    var isWithinBatch = false
    /// Events that were dropped for lack of space, by kind.
    var dropped = [UInt64](repeating: 0, count: EventKind.count)
    /// What was in a log that was taken away, or in a ring that was damaged.
    var gone: Set<UInt64> = []
    /// What retention or a request removed.
    var removed: Set<UInt64> = []
    /// What a request may be removing right now.
    var leaving: Set<UInt64> = []
    /// Events from before this time, in µs since 1970, may leave by retention at any moment; nothing later may.
    var retentionStart = Int64.min
    /// What was in the log at its last sync.
    var durable: Set<UInt64> = []
    /// Which event has been seen under which id.
    var owners: [Int64: UInt64] = [:]
    /// Which event has been seen under which name of a branch and id, in the log or in any copy of it.
    let names = EventNames()
    /// An earlier copy was put back with rows that are counted as removed or lost. No counter goes down, so those count as
    /// recorded once more: the ledger holds, but its sums no longer match this book's.
    var isMuddled = false

    mutating func add(_ entry: Entry) -> UInt64 {
        entries.append(entry)
        return UInt64(entries.count)
    }

    /// Whether retention may have removed it.
    func mayHaveAged(_ seq: UInt64) -> Bool { self[seq].time < retentionStart }

    subscript(seq: UInt64) -> Entry { entries[Int(seq) - 1] }

    /// Events that must be in the log once the rings are drained.
    var expected: Set<UInt64> { returned.subtracting(gone).subtracting(removed) }

    var recorded: [UInt64] {
        var sums = dropped
        for seq in returned { sums[self[seq].kind.index] += 1 }
        return sums
    }
}

/// The names under which events have been seen. All copies of a book share them: what a recovered copy of a directory writes is
/// never what the original writes under the same name.
final class EventNames {
    private struct Name: Hashable {
        var branch: [UInt8]
        var id: Int64
    }

    private var owners: [Name: UInt64] = [:]

    /// - Throws: `TestFailure` if a row's name was another event's, or if it has none.
    func note(_ rows: [LogRow]) throws {
        for row in rows {
            guard row.branch.count == 16 else { throw TestFailure("id \(row.id) has no branch") }
            let owner = owners.updateValue(row.seq, forKey: Name(branch: row.branch, id: row.id)) ?? row.seq
            guard owner == row.seq else {
                throw TestFailure("id \(row.id) of branch \(hex(row.branch)) was \(owner)'s and is now \(row.seq)'s")
            }
        }
    }
}

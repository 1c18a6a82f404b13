import EventLog
import EventSearch
import Readings

/// How far a shipment is behind its log.
public struct ShipLag: Equatable, Sendable {
    /// Events, by their ids, after the last one that has arrived.
    public var events: UInt64 = 0
    /// When the oldest of them was recorded; nil if there are none.
    public var oldestMicroseconds: Int64?

    /// - Parameter log: that the cursor belongs to.
    static func read(_ log: EventLogReader, _ cursor: ShipCursor) throws(LogError) -> ShipLag {
        let branches: [LogBranch]
        let newest: Int64
        let oldest: Int64?
        do {
            try log.database.execute("BEGIN", operation: "read")
            defer { try? log.database.execute("ROLLBACK", operation: "read") }
            branches = try log.branches()
            newest = try log.lastID()
            oldest = try log.oldestID()
        }
        guard let oldest else { return ShipLag() }
        var from = oldest &- 1
        if let index = branches.firstIndex(where: { $0.name == cursor.branch }) {
            // Beyond the end of its branch, a cursor speaks of events that this log does not have.
            let last = index + 1 < branches.count ? branches[index + 1].firstID &- 1 : newest
            from = max(from, min(cursor.sent, last))
        }
        guard from < newest else { return ShipLag() }
        var filter = EventFilter()
        filter.afterID = from
        var events = try log.events(filter)
        guard let first = try events.next() else { return ShipLag() }
        // What was removed from the beginning does not wait.
        return ShipLag(events: UInt64(bitPattern: newest &- first.id &+ 1), oldestMicroseconds: first.timeMicroseconds)
    }
}

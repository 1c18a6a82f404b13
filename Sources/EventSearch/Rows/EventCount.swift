import EventLog
import MetricsModel
import Readings

/// Counts events: from the log's own totals for whole kinds and whole segments where these suffice, otherwise row by row.
struct EventCount {
    private let database: Database

    init(_ database: Database) { self.database = database }

    func of(_ filter: EventFilter) throws(LogError) -> Int64 {
        guard filter.isAboutTime else { return try rows(filter) }
        if filter.sinceMicroseconds == nil && filter.untilMicroseconds == nil && !filter.isAboutLogins {
            return try all(filter)
        }
        return try segments(filter)
    }

    private func rows(_ filter: EventFilter) throws(LogError) -> Int64 {
        var sum: Int64 = 0
        for plan in try KindQuery.plans(filter, descending: false, database) {
            while let condition = try plan.nextCondition() {
                sum &+= try database.integer("SELECT count(*) FROM \(plan.kind.table)\(condition)") ?? 0
            }
        }
        return sum
    }

    /// Whole kinds: rows written minus rows that have left.
    private func all(_ filter: EventFilter) throws(LogError) -> Int64 {
        let state = try StoredState.read(database)
        var sum: UInt64 = 0
        for kind in EventKind.allCases where filter.holds(kind) { sum &+= state.rows(kind) }
        return Int64(bitPattern: sum)
    }

    /// Whole segments by their minutes; others by their rows.
    private func segments(_ filter: EventFilter) throws(LogError) -> Int64 {
        let columns = EventKind.allCases.filter { filter.holds($0) }
            .map { kind in
                if filter.okOnly { return "\(MinuteColumn.auth.name) - \(MinuteColumn.authFailed.name)" }
                return (filter.failedOnly ? MinuteColumn.authFailed : .events(kind)).name
            }
        guard !columns.isEmpty else { return 0 }
        let index = try SegmentMap(database)
        let minutes = try database.prepare(
            "SELECT sum(\(columns.joined(separator: " + "))) FROM segment_minute WHERE segment = ?")
        var sum: Int64 = 0
        for span in index.spans {
            if SegmentMap.isInside(span, since: filter.sinceMicroseconds, until: filter.untilMicroseconds) {
                minutes.bind(span.segment, at: 1)
                if try minutes.step() { sum &+= minutes.integer(0) }
                minutes.reset()
            } else if SegmentMap.mayHold(span, since: filter.sinceMicroseconds, until: filter.untilMicroseconds) {
                sum &+= try rows(filter, of: span.segment)
            }
        }
        return sum
    }

    private func rows(_ filter: EventFilter, of segment: Int64) throws(LogError) -> Int64 {
        var sum: Int64 = 0
        for kind in EventKind.allCases where filter.holds(kind) {
            var condition = "id >= \(Segment.firstID(segment)) AND id < \(Segment.endID(segment))"
            if let since = filter.sinceMicroseconds { condition += " AND time >= \(since)" }
            if let until = filter.untilMicroseconds { condition += " AND time < \(until)" }
            if filter.failedOnly { condition += " AND ok = 0" }
            if filter.okOnly { condition += " AND ok <> 0" }
            sum &+= try database.integer("SELECT count(*) FROM \(kind.table) WHERE \(condition)") ?? 0
        }
        return sum
    }
}

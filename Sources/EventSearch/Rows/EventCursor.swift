import EventLog
import MetricsModel
import Readings

/// One kind's rows, in id order.
final class EventCursor {
    private let plan: KindQuery
    private let database: Database
    /// Of the place that is being read.
    private var statement: Statement
    let kind: EventKind
    private(set) var id: Int64 = 0

    /// - Returns: nil if the plan has nothing to read.
    init?(_ plan: KindQuery, _ database: Database) throws(LogError) {
        self.plan = plan
        kind = plan.kind
        self.database = database
        guard let condition = try plan.nextCondition() else { return nil }
        statement = try Self.statement(plan, condition, database)
    }

    /// One for each kind that has an event.
    static func all(
        _ filter: EventFilter, keys: [[UInt8]]?, from starts: KindQuery.Starts = .init(), _ database: Database
    ) throws(LogError) -> [EventCursor] {
        var cursors: [EventCursor] = []
        let plans = try KindQuery.plans(filter, descending: filter.reversed, keys: keys, from: starts, database)
        for plan in plans {
            if let cursor = try EventCursor(plan, database), try cursor.advance() { cursors.append(cursor) }
        }
        return cursors
    }

    private static func statement(_ plan: KindQuery, _ condition: String, _ database: Database) throws(LogError) -> Statement {
        var columns = "id, time"
        for field in plan.kind.fields { columns += ", " + field.name }
        return try database.prepare("SELECT \(columns) FROM \(plan.kind.table)\(condition)\(plan.order)")
    }

    @inline(__always)
    func advance() throws(LogError) -> Bool {
        while try !statement.step() {
            guard let condition = try plan.nextCondition() else { return false }
            statement = try Self.statement(plan, condition, database)
        }
        id = statement.integer(0)
        return true
    }

    /// Columns are id, time, and `EventKind.fields`.
    @inline(__always)
    func fill(_ event: inout LoggedEvent, _ names: borrowing NameReader) throws(LogError) {
        event.id = id
        event.timeMicroseconds = statement.integer(1)
        event.kind = kind
        switch kind {
        case .messageEnqueue, .batchEnqueue:
            event.values[0] = try name(2, names.identities)
            event.values[1] = try name(3, names.identities)
            event.values[2] = try name(4, names.channels)
            event.values[3] = number(5)
            event.values[4] = number(6)
            if kind == .batchEnqueue {
                event.values[5] = number(7)
                event.values[6] = number(8)
            }
        case .auth:
            event.values[0] = try name(2, names.users)
            event.values[1] = .flag(statement.integer(3) != 0)
            event.values[2] = try name(4, names.reasons)
        case .channelCreated:
            event.values[0] = try name(2, names.channels)
            event.values[1] = try name(3, names.identities)
            event.values[2] = try name(4, names.identities)
            event.values[3] = .flag(statement.integer(5) != 0)
        case .fetch:
            event.values[0] = try name(2, names.identities)
            event.values[1] = try name(3, names.channels)
            event.values[2] = number(4)
        case .userRegistered:
            event.values[0] = try name(2, names.users)
            event.values[1] = try name(3, names.identities)
        }
    }

    @inline(__always)
    private func number(_ column: Int32) -> FieldValue { .number(UInt64(bitPattern: statement.integer(column))) }

    @inline(__always)
    private func name(_ column: Int32, _ names: borrowing NameCache) throws(LogError) -> FieldValue {
        let id = statement.integer(column)
        return id == 0 ? .absent : .text(try names.text(id))
    }
}

extension Array where Element == EventCursor {
    /// The index of the cursor whose event comes next; nil if none is left.
    @inline(__always)
    func next(descending: Bool) -> Int? {
        guard count > 0 else { return nil }
        var next = 0
        var index = 1
        while index < count {
            if descending ? self[index].id > self[next].id : self[index].id < self[next].id { next = index }
            index &+= 1
        }
        return next
    }
}

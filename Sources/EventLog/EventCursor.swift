// The plugin never reads events.
#if !hasFeature(Embedded)
import MetricsModel

/// One kind's rows, in the order of ids.
final class EventCursor {
    private let plan: KindQuery
    private let connection: Connection
    /// Of the condition that is being read; those after it wait.
    private var statement: Statement
    private var next = 0
    private var kind: EventKind { plan.kind }
    private(set) var id: Int64 = 0

    /// - Returns: nil if the plan has no place to look at.
    init?(_ plan: KindQuery, _ connection: Connection) throws(LogError) {
        self.plan = plan
        self.connection = connection
        guard !plan.conditions.isEmpty else { return nil }
        statement = try Self.statement(plan, 0, connection)
        next = 1
    }

    private static func statement(_ plan: KindQuery, _ index: Int, _ connection: Connection) throws(LogError) -> Statement {
        try connection.prepare("SELECT * FROM \(plan.table)\(plan.conditions[index])\(plan.order)")
    }

    func advance() throws(LogError) -> Bool {
        while try !statement.step() {
            guard next < plan.conditions.count else { return false }
            statement = try Self.statement(plan, next, connection)
            next += 1
        }
        id = statement.integer(0)
        return true
    }

    /// Columns are in the order of the tables, `EventField.fields(of:)` after id and time.
    func fill(_ event: inout LoggedEvent, _ names: NameReader) throws(LogError) {
        event.id = id
        event.timeMicroseconds = statement.integer(1)
        event.kind = kind
        event.values.removeAll(keepingCapacity: true)
        switch kind {
        case .messageEnqueue, .batchEnqueue:
            event.values.append(try name(2, names.identities))
            event.values.append(try name(3, names.identities))
            event.values.append(try name(4, names.channels))
            event.values.append(number(5))
            event.values.append(number(6))
            if kind == .batchEnqueue {
                event.values.append(number(7))
                event.values.append(number(8))
            }
        case .auth:
            event.values.append(try name(2, names.users))
            event.values.append(.flag(statement.integer(3) != 0))
            event.values.append(try name(4, names.reasons))
        case .channelCreated:
            event.values.append(try name(2, names.channels))
            event.values.append(try name(3, names.identities))
            event.values.append(try name(4, names.identities))
            event.values.append(.flag(statement.integer(5) != 0))
        case .fetch:
            event.values.append(try name(2, names.identities))
            event.values.append(try name(3, names.channels))
            event.values.append(number(4))
        case .userRegistered:
            event.values.append(try name(2, names.users))
            event.values.append(try name(3, names.identities))
        }
    }

    private func number(_ column: Int32) -> FieldValue { .number(UInt64(bitPattern: statement.integer(column))) }

    private func name(_ column: Int32, _ reader: NameReader.Table) throws(LogError) -> FieldValue {
        let id = statement.integer(column)
        return id == 0 ? .absent : .text(try reader.text(id))
    }
}
#endif

// The plugin never reads events.
#if !hasFeature(Embedded)
import MetricsModel

/// Reads the log, while the server writes it or after it died. Needs no write access to anything. One thread.
public final class EventLogReader {
    public let connection: Connection
    private let names: NameReader

    /// - Throws: `LogError`; code SQLITE_CANTOPEN if there is no log or no permission.
    public init(directory: String) throws(LogError) {
        connection = try Connection(path: directory + "/" + Schema.fileName, mode: .reader)
        try Schema.check(connection)
        names = try NameReader(connection)
    }

    /// Hands over the events that match, oldest first unless the filter is reversed, until `body` returns false.
    /// All come from one moment of the log.
    public func read(_ filter: EventFilter, _ body: (LoggedEvent) -> Bool) throws(LogError) {
        try connection.execute("BEGIN", operation: "read")
        defer { try? connection.execute("ROLLBACK", operation: "read") }
        // The newest so many, oldest first: found from the new end, then turned round.
        let isTurned = filter.newest != nil && !filter.reversed
        var cursors: [EventCursor] = []
        for plan in try KindQuery.plans(filter, descending: filter.reversed || isTurned, connection) {
            let cursor = try EventCursor(plan, connection)
            if try cursor.advance() { cursors.append(cursor) }
        }
        var remaining = filter.newest ?? Int.max
        var turned: [LoggedEvent] = []
        var event = LoggedEvent(id: 0, timeMicroseconds: 0, kind: .fetch, values: [])
        while remaining > 0, !cursors.isEmpty {
            var next = 0
            for index in cursors.indices.dropFirst() {
                let isBefore =
                    filter.reversed || isTurned
                    ? cursors[index].id > cursors[next].id : cursors[index].id < cursors[next].id
                if isBefore { next = index }
            }
            try cursors[next].fill(&event, names)
            remaining -= 1
            if isTurned {
                turned.append(event)
            } else if !body(event) {
                return
            }
            if try !cursors[next].advance() { cursors.remove(at: next) }
        }
        for event in turned.reversed() where !body(event) { return }
    }

    /// How many events match; with `newest`, at most so many.
    public func count(_ filter: EventFilter) throws(LogError) -> Int64 {
        try connection.execute("BEGIN", operation: "read")
        defer { try? connection.execute("ROLLBACK", operation: "read") }
        var sum: Int64 = 0
        for plan in try KindQuery.plans(filter, descending: false, connection) {
            sum += try connection.integer("SELECT count(*) FROM \(plan.table)\(plan.condition)") ?? 0
        }
        return min(sum, Int64(filter.newest ?? Int.max))
    }

    /// The log's own account, and its rows counted, at one moment.
    public func account() throws(LogError) -> (state: StoredState, rows: [Int64]) {
        try connection.execute("BEGIN", operation: "read")
        defer { try? connection.execute("ROLLBACK", operation: "read") }
        let state = try StoredState.read(connection)
        var rows: [Int64] = []
        for kind in EventKind.allCases {
            rows.append(try connection.integer("SELECT count(*) FROM \(Schema.table(kind))") ?? 0)
        }
        return (state, rows)
    }

    /// SQLite's own check of every page and index; empty if all is well.
    public func integrityProblems() throws(LogError) -> [String] {
        let check = try connection.prepare("PRAGMA integrity_check(20)", operation: "check")
        var problems: [String] = []
        while try check.step(operation: "check") {
            problems.append(String(decoding: check.bytes(0), as: UTF8.self))
        }
        let isWell = problems.count == 1 && Array(problems[0].utf8) == Array("ok".utf8)
        return isWell ? [] : problems
    }

    /// Distinct identities seen in 1, 7 and 30 days, asked of the log itself.
    public func activeUsers(nowMicroseconds: Int64) throws(LogError) -> [UInt64] {
        let step = ActivityWindow.step(nowMicroseconds)
        let sums = [Int64(1), 7, 30].map { "sum(last_seen > \(step - $0 * 144))" }.joined(separator: ", ")
        let query = try connection.prepare("SELECT \(sums) FROM identity_name")
        guard try query.step() else { return [0, 0, 0] }
        return (0..<3).map { UInt64(clamping: query.integer($0)) }
    }

    public func oldestEvent() throws(LogError) -> Int64? { try OldestEvent.read(connection) }
}

/// What one kind's table is asked.
struct KindQuery {
    var kind: EventKind
    var table: String
    /// Begins with WHERE, or is empty. Holds numbers only, never text from outside.
    var condition: String
    var order: String

    /// The tables that can hold what the filter wants.
    static func plans(
        _ filter: EventFilter, descending: Bool, _ connection: Connection
    ) throws(LogError) -> [KindQuery] {
        let users = try ids(of: filter.user, in: "user_name", plainIsText: true, connection)
        let identities = try ids(of: filter.identity, in: "identity_name", plainIsText: false, connection)
        let channels = try ids(of: filter.channel, in: "channel_name", plainIsText: false, connection)
        let reasons = try reasonIDs(filter.reason, connection)
        var plans: [KindQuery] = []
        for kind in EventKind.allCases {
            if !filter.kinds.isEmpty && !filter.kinds.contains(where: { $0.rawValue == kind.rawValue }) { continue }
            var conditions: [String] = []
            if let after = filter.afterID { conditions.append("id > \(after)") }
            if let since = filter.sinceMicroseconds { conditions.append("time >= \(since)") }
            if let until = filter.untilMicroseconds { conditions.append("time < \(until)") }
            guard
                append(users, userColumns(kind), to: &conditions),
                append(identities, identityColumns(kind), to: &conditions),
                append(channels, channelColumns(kind), to: &conditions),
                append(reasons, kind == .auth ? ["reason"] : [], to: &conditions)
            else { continue }
            if filter.failedOnly || filter.reason != nil {
                guard kind == .auth else { continue }
                if filter.failedOnly { conditions.append("ok = 0") }
            }
            var condition = ""
            for (index, part) in conditions.enumerated() { condition += (index == 0 ? " WHERE " : " AND ") + part }
            var order = " ORDER BY id" + (descending ? " DESC" : "")
            if let newest = filter.newest { order += " LIMIT \(newest)" }
            plans.append(KindQuery(kind: kind, table: Schema.table(kind), condition: condition, order: order))
        }
        return plans
    }

    /// False if this kind cannot match.
    private static func append(_ ids: [Int64]?, _ columns: [String], to conditions: inout [String]) -> Bool {
        guard let ids else { return true }
        guard !ids.isEmpty, !columns.isEmpty else { return false }
        var list = ""
        for (index, id) in ids.enumerated() { list += (index == 0 ? "" : ",") + "\(id)" }
        var condition = ""
        for (index, column) in columns.enumerated() {
            condition += (index == 0 ? "(" : " OR ") + "\(column) IN (\(list))"
        }
        conditions.append(condition + ")")
        return true
    }

    private static func userColumns(_ kind: EventKind) -> [String] {
        kind == .auth || kind == .userRegistered ? ["user"] : []
    }

    private static func identityColumns(_ kind: EventKind) -> [String] {
        switch kind {
        case .messageEnqueue, .batchEnqueue: ["sender", "recipient"]
        case .auth: []
        case .channelCreated: ["initiator", "peer"]
        case .fetch: ["recipient"]
        case .userRegistered: ["identity"]
        }
    }

    private static func channelColumns(_ kind: EventKind) -> [String] {
        kind == .auth || kind == .userRegistered ? [] : ["channel"]
    }

    private static func ids(
        of subject: EventFilter.Subject?, in table: String, plainIsText: Bool, _ connection: Connection
    ) throws(LogError) -> [Int64]? {
        guard let subject else { return nil }
        let find = try connection.prepare("SELECT id FROM \(table) WHERE value = ?")
        var ids: [Int64] = []
        if let plain = subject.plain {
            if plainIsText { find.bind(text: plain, at: 1) } else { find.bind(blob: plain, at: 1) }
            if try find.step() { ids.append(find.integer(0)) }
            find.reset()
        }
        for pseudonym in subject.pseudonyms {
            find.bind(blob: pseudonym, at: 1)
            if try find.step() { ids.append(find.integer(0)) }
            find.reset()
        }
        if let prefix = subject.prefix {
            // The values that begin so are those from it up to the next one that does not.
            var next = prefix
            while let last = next.last, last == 0xFF { next.removeLast() }
            if !next.isEmpty { next[next.count - 1] += 1 }
            let search = try connection.prepare(
                "SELECT id FROM \(table) WHERE value >= ?" + (next.isEmpty ? "" : " AND value < ?"))
            search.bind(blob: prefix, at: 1)
            if !next.isEmpty { search.bind(blob: next, at: 2) }
            while try search.step() { ids.append(search.integer(0)) }
        }
        return ids
    }

    private static func reasonIDs(_ text: String?, _ connection: Connection) throws(LogError) -> [Int64]? {
        guard let text else { return nil }
        let find = try connection.prepare("SELECT id FROM reason_name WHERE instr(lower(value), lower(?))")
        find.bind(text: Array(text.utf8), at: 1)
        var ids: [Int64] = []
        while try find.step() { ids.append(find.integer(0)) }
        return ids
    }
}

/// One kind's rows, in the order of ids.
final class EventCursor {
    private let statement: Statement
    private let kind: EventKind
    private(set) var id: Int64 = 0

    init(_ plan: KindQuery, _ connection: Connection) throws(LogError) {
        kind = plan.kind
        statement = try connection.prepare("SELECT * FROM \(plan.table)\(plan.condition)\(plan.order)")
    }

    func advance() throws(LogError) -> Bool {
        guard try statement.step() else { return false }
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

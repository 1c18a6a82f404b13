// The plugin never reads events.
#if !hasFeature(Embedded)
import MetricsModel

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
#endif

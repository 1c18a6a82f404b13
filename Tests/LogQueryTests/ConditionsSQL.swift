import TestSupport

/// Conditions as plain SQL over the rows: no segments, no postings.
extension EventConditions {
    static let tables = [
        "message_enqueue": "message", "batch_enqueue": "batch_message", "auth": "auth", "channel_created": "channel_created",
        "fetch": "fetch", "user_registered": "user_registered",
    ]
    /// The ids of the matching events, in the order in which they are printed.
    var sql: String {
        let parts = eventKinds.compactMap(select)
        guard !parts.isEmpty else { return "SELECT 1 WHERE 0" }
        var text = parts.joined(separator: " UNION ALL ")
        if let newest { text = "SELECT id FROM (\(text)) ORDER BY id DESC LIMIT \(newest)" }
        return "SELECT id FROM (\(text)) ORDER BY id" + (reversed ? " DESC" : "")
    }

    private func select(_ kind: String) -> String? {
        guard let table = Self.tables[kind], let condition = condition(kind) else { return nil }
        return "SELECT id FROM \(table) WHERE \(condition)"
    }

    /// The class of a login's reason, derived from the seeded log's reasons; NULL for a login that succeeded.
    static let classOfReason = """
        CASE WHEN ok <> 0 THEN NULL ELSE CASE coalesce((SELECT value FROM reason_name WHERE id = reason), '')
        WHEN 'invalid credentials' THEN 'credentials' WHEN 'rate limited' THEN 'rate_limited'
        WHEN 'locked, for "good"' THEN 'locked' WHEN 'expired' THEN 'expired' ELSE 'other' END END
        """

    /// The condition on rows of a kind; nil if none can match.
    func condition(_ kind: String) -> String? {
        guard kinds.isEmpty || kinds.contains(kind) else { return nil }
        var conditions = ["1"]
        if let since { conditions.append("time >= \(since)") }
        if let until { conditions.append("time < \(until)") }
        if let after { conditions.append("id > \(after)") }
        if let user {
            let found = "(SELECT id FROM user_name WHERE value = \(Self.quoted(user)))"
            if kind == "auth" || kind == "user_registered" {
                conditions.append("user IN \(found)")
            } else {
                guard !loginOnly, let columns = Self.identityFields[kind] else { return nil }
                let keys = "(SELECT identity FROM user_registered WHERE user IN \(found))"
                conditions.append("(" + columns.map { "\($0) IN \(keys)" }.joined(separator: " OR ") + ")")
            }
        }
        if let identity {
            guard let columns = Self.identityFields[kind] else { return nil }
            let found = "(SELECT id FROM identity_name WHERE value = x'\(identity)')"
            conditions.append("(" + columns.map { "\($0) IN \(found)" }.joined(separator: " OR ") + ")")
        }
        if let channel {
            guard Self.channelKinds.contains(kind) else { return nil }
            conditions.append("channel IN (SELECT id FROM channel_name WHERE value = x'\(channel)')")
        }
        if failed {
            guard kind == "auth" else { return nil }
            conditions.append("ok = 0")
        }
        if let reason {
            guard kind == "auth" else { return nil }
            // In this log, a text that occurs in a reason always begins one of its words.
            conditions.append("reason IN (SELECT id FROM reason_name WHERE instr(value, \(Self.quoted(reason))))")
        }
        if ok || failureClass != nil {
            guard kind == "auth" else { return nil }
            if ok { conditions.append("ok = 1") }
            if let failureClass { conditions.append("\(Self.classOfReason) = '\(failureClass)'") }
        }
        for (column, key) in [("sender", sender), ("recipient", recipient)] {
            guard let key else { continue }
            guard kind.hasSuffix("enqueue") || (kind == "fetch" && column == "recipient") else { return nil }
            conditions.append("\(column) = (SELECT id FROM identity_name WHERE value = x'\(key)')")
        }
        if let minBytes {
            guard kind.hasSuffix("enqueue") else { return nil }
            conditions.append("bytes >= \(minBytes)")
        }
        return conditions.joined(separator: " AND ")
    }

    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}

/// Values that are in a seeded log, and occasionally some that are not.
extension SeededLog: ConditionValues {
    private func few(_ limit: Int, _ generator: inout SeededGenerator) -> Int {
        Int.random(in: 0..<(Int.random(in: 0..<2, using: &generator) == 0 ? 5 : limit), using: &generator)
    }

    func moment(_ generator: inout SeededGenerator) -> Int64? { Int64.random(in: start - 1_000_000...end, using: &generator) }
    func user(_ generator: inout SeededGenerator) -> String? { Self.user(few(Self.users, &generator)) }
    func key(_ field: String?, _ generator: inout SeededGenerator) -> String? {
        hex(Self.identity(few(Self.identities + 5, &generator)))
    }
    func channel(_ generator: inout SeededGenerator) -> String? { hex(Self.channel(few(Self.channels + 20, &generator))) }
    func id(_ generator: inout SeededGenerator) -> Int64? { Int64.random(in: 0..<210_000, using: &generator) }
    var reasonWords: [String] { ["cred", "locked", "пароль", "\"good\"", "nothing"] }
    var classes: [String] { ["credentials", "rate_limited", "locked", "expired", "other", "protocol"] }
}

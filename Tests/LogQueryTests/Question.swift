import TestSupport

/// Conditions of events, as the command takes them and as plain SQL over the rows: no seal, no posting.
struct Question {
    var kinds: [String] = []
    var since: Int64?
    var until: Int64?
    var user: String?
    /// Without what the user's keys did.
    var loginOnly = false
    var identity: [UInt8]?
    var channel: [UInt8]?
    var sender: [UInt8]?
    var recipient: [UInt8]?
    var minBytes: Int64?
    var failed = false
    var ok = false
    var failureClass: String?
    var reason: String?
    var after: Int64?
    var newest: Int?
    var reversed = false

    static let tables = [
        "message_enqueue": "message", "batch_enqueue": "batch_message", "auth": "auth", "channel_created": "channel_created",
        "fetch": "fetch", "user_registered": "user_registered",
    ]
    static let identityColumns = [
        "message_enqueue": ["sender", "recipient"], "batch_enqueue": ["sender", "recipient"],
        "channel_created": ["initiator", "peer"], "fetch": ["recipient"], "user_registered": ["identity"],
    ]
    static let channelKinds = ["message_enqueue", "batch_enqueue", "channel_created", "fetch"]

    static func moment(_ microseconds: Int64) -> String {
        "@\(microseconds / 1_000_000).\(String(1_000_000 + microseconds % 1_000_000).dropFirst())"
    }

    var arguments: [String] {
        var words = kinds.flatMap { ["--kind", $0] }
        if let since { words += ["--since", Self.moment(since)] }
        if let until { words += ["--until", Self.moment(until)] }
        if let user { words += ["--user", user] + (loginOnly ? ["--login-only"] : []) }
        if let identity { words += ["--identity", hex(identity)] }
        if let channel { words += ["--channel", hex(channel)] }
        if let sender { words += ["--sender", hex(sender)] }
        if let recipient { words += ["--recipient", hex(recipient)] }
        if let minBytes { words += ["--min-bytes", "\(minBytes)"] }
        if ok { words += ["--ok"] }
        if let failureClass { words += ["--class", failureClass] }
        if failed { words += ["--failed"] }
        if let reason { words += ["--reason", reason] }
        if let after { words += ["--after", "\(after)"] }
        if let newest { words += ["-n", "\(newest)"] }
        if reversed { words += ["-r"] }
        return words
    }

    /// The ids of those that match, in the order in which they are printed.
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

    /// The class of a login's reason, by the reasons of the seeded log; NULL for a login that succeeded.
    static let classOfReason = """
        CASE WHEN ok <> 0 THEN NULL ELSE CASE coalesce((SELECT value FROM reason_name WHERE id = reason), '')
        WHEN 'invalid credentials' THEN 'credentials' WHEN 'rate limited' THEN 'rate_limited'
        WHEN 'locked, for "good"' THEN 'locked' WHEN 'expired' THEN 'expired' ELSE 'other' END END
        """

    /// What rows of a kind must be; nil if none can match.
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
                guard !loginOnly, let columns = Self.identityColumns[kind] else { return nil }
                let keys = "(SELECT identity FROM user_registered WHERE user IN \(found))"
                conditions.append("(" + columns.map { "\($0) IN \(keys)" }.joined(separator: " OR ") + ")")
            }
        }
        if let identity {
            guard let columns = Self.identityColumns[kind] else { return nil }
            let found = "(SELECT id FROM identity_name WHERE value = x'\(hex(identity))')"
            conditions.append("(" + columns.map { "\($0) IN \(found)" }.joined(separator: " OR ") + ")")
        }
        if let channel {
            guard Self.channelKinds.contains(kind) else { return nil }
            conditions.append("channel IN (SELECT id FROM channel_name WHERE value = x'\(hex(channel))')")
        }
        if failed {
            guard kind == "auth" else { return nil }
            conditions.append("ok = 0")
        }
        if let reason {
            guard kind == "auth" else { return nil }
            // In this log a text that a reason holds is the beginning of a word of it.
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
            conditions.append("\(column) = (SELECT id FROM identity_name WHERE value = x'\(hex(key))')")
        }
        if let minBytes {
            guard kind.hasSuffix("enqueue") else { return nil }
            conditions.append("bytes >= \(minBytes)")
        }
        return conditions.joined(separator: " AND ")
    }

    /// Whether no event can meet all of it, which the command refuses to be asked.
    var isContradictory: Bool {
        let login: [(Bool, [String])] = [
            (failed, ["auth"]), (ok, ["auth"]), (failureClass != nil, ["auth"]), (reason != nil, ["auth"]),
        ]
        let messages = ["message_enqueue", "batch_enqueue"]
        let others: [(Bool, [String])] = [
            (identity != nil, Array(Self.identityColumns.keys)), (channel != nil, Self.channelKinds), (sender != nil, messages),
            (recipient != nil, messages + ["fetch"]), (minBytes != nil, messages), (!kinds.isEmpty, kinds),
        ]
        let asked = (login + others).filter(\.0).map(\.1)
        return asked.contains { one in asked.contains { !$0.contains(where: one.contains) } }
    }

    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

    /// Some of everything, about what is in a log, and now and then about what is not.
    static func random(about log: SeededLog, _ generator: inout SeededGenerator) -> Question {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        func moment() -> Int64 { Int64.random(in: log.start - 1_000_000...log.end, using: &generator) }
        func few(_ limit: Int) -> Int { Int.random(in: 0..<(chance(50) ? 5 : limit), using: &generator) }
        var question = Question()
        if chance(40) { question.kinds = eventKinds.filter { _ in chance(35) } }
        if chance(35) { question.since = moment() }
        if chance(35) { question.until = moment() }
        if let since = question.since, let until = question.until, since >= until { question.until = since + 90_000_000 }
        if chance(20) {
            question.user = SeededLog.user(few(SeededLog.users))
            question.loginOnly = chance(40)
        }
        if chance(25) { question.identity = SeededLog.identity(few(SeededLog.identities + 5)) }
        if chance(25) { question.channel = SeededLog.channel(few(SeededLog.channels + 20)) }
        if chance(8) { question.sender = SeededLog.identity(few(SeededLog.identities + 5)) }
        if chance(8) { question.recipient = SeededLog.identity(few(SeededLog.identities + 5)) }
        if chance(8) { question.minBytes = [0, 16, 17, 5000, 4_000_000].randomElement(using: &generator) }
        if chance(15) { question.failed = true }
        if !question.failed && chance(6) { question.ok = true }
        let classes = ["credentials", "rate_limited", "locked", "expired", "other", "protocol"]
        if !question.ok && chance(8) { question.failureClass = classes.randomElement(using: &generator) }
        let words = ["cred", "locked", "пароль", "\"good\"", "nothing"]
        if chance(15) { question.reason = words.randomElement(using: &generator) }
        if chance(20) { question.after = Int64.random(in: 0..<210_000, using: &generator) }
        if chance(35) { question.newest = [0, 1, 2, 100, 5000, 1_000_000].randomElement(using: &generator) }
        question.reversed = chance(30)
        return question
    }
}

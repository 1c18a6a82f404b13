/// Conditions on events, as the commands take them. Each test suite has its own simple way to find what matches them.
public struct EventConditions {
    public var kinds: [String] = []
    /// UTC, microseconds since 1970.
    public var since: Int64?
    public var until: Int64?
    public var user: String?
    /// Without what the user's keys did.
    public var loginOnly = false
    /// Keys and channels are in hexadecimal.
    public var identity: String?
    public var channel: String?
    public var sender: String?
    public var recipient: String?
    public var minBytes: Int64?
    public var failed = false
    public var ok = false
    public var failureClass: String?
    public var reason: String?
    public var after: Int64?
    public var newest: Int?
    public var reversed = false

    public init(
        kinds: [String] = [], since: Int64? = nil, until: Int64? = nil, user: String? = nil, loginOnly: Bool = false,
        identity: String? = nil, channel: String? = nil, failed: Bool = false, reason: String? = nil, after: Int64? = nil,
        newest: Int? = nil, reversed: Bool = false
    ) {
        self.kinds = kinds
        self.since = since
        self.until = until
        self.user = user
        self.loginOnly = loginOnly
        self.identity = identity
        self.channel = channel
        self.failed = failed
        self.reason = reason
        self.after = after
        self.newest = newest
        self.reversed = reversed
    }

    public static let messageKinds = ["message_enqueue", "batch_enqueue"]
    public static let channelKinds = ["message_enqueue", "batch_enqueue", "channel_created", "fetch"]
    /// The fields of each kind that hold a key.
    public static let identityFields = [
        "message_enqueue": ["sender", "recipient"], "batch_enqueue": ["sender", "recipient"],
        "channel_created": ["initiator", "peer"], "fetch": ["recipient"], "user_registered": ["identity"],
    ]

    /// A time as the commands take it, to the microsecond.
    public static func moment(_ microseconds: Int64) -> String {
        "@\(microseconds / 1_000_000).\(String(1_000_000 + microseconds % 1_000_000).dropFirst())"
    }

    public var arguments: [String] {
        var words = kinds.flatMap { ["--kind", $0] }
        if let since { words += ["--since", Self.moment(since)] }
        if let until { words += ["--until", Self.moment(until)] }
        if let user {
            words += (user.hasPrefix("-") ? ["--user=\(user)"] : ["--user", user]) + (loginOnly ? ["--login-only"] : [])
        }
        if let identity { words += ["--identity", identity] }
        if let channel { words += ["--channel", channel] }
        if let sender { words += ["--sender", sender] }
        if let recipient { words += ["--recipient", recipient] }
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

    /// Whether no event can meet all of it; the commands refuse such a question.
    public var isContradictory: Bool {
        let kindsOf: [(Bool, [String])] = [
            (failed, ["auth"]), (ok, ["auth"]), (failureClass != nil, ["auth"]), (reason != nil, ["auth"]),
            (identity != nil, Array(Self.identityFields.keys)), (channel != nil, Self.channelKinds),
            (sender != nil, Self.messageKinds), (recipient != nil, Self.messageKinds + ["fetch"]),
            (minBytes != nil, Self.messageKinds), (!kinds.isEmpty, kinds),
        ]
        let asked = kindsOf.filter(\.0).map(\.1)
        return asked.contains { one in asked.contains { !$0.contains(where: one.contains) } }
    }
}

/// Values that a log has, and occasionally some that it does not: random conditions are made from them.
public protocol ConditionValues {
    /// UTC, microseconds since 1970.
    func moment(_ generator: inout SeededGenerator) -> Int64?
    func user(_ generator: inout SeededGenerator) -> String?
    /// A key in hexadecimal, from any field or from one of these: `sender`, `recipient`.
    func key(_ field: String?, _ generator: inout SeededGenerator) -> String?
    func channel(_ generator: inout SeededGenerator) -> String?
    func id(_ generator: inout SeededGenerator) -> Int64?
    /// Words of reasons.
    var reasonWords: [String] { get }
    /// Classes of failures; empty where the test cannot tell a reason's class.
    var classes: [String] { get }
}

extension EventConditions {
    /// A random selection of conditions.
    public static func random(_ values: some ConditionValues, _ generator: inout SeededGenerator) -> EventConditions {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        var conditions = EventConditions()
        if chance(40) { conditions.kinds = eventKinds.filter { _ in chance(35) } }
        if chance(35) { conditions.since = values.moment(&generator) }
        if chance(35) { conditions.until = values.moment(&generator) }
        if let since = conditions.since, let until = conditions.until, since >= until { conditions.until = since + 90_000_000 }
        if chance(20) {
            conditions.user = values.user(&generator)
            conditions.loginOnly = conditions.user != nil && chance(40)
        }
        if chance(25) { conditions.identity = values.key(nil, &generator) }
        if chance(25) { conditions.channel = values.channel(&generator) }
        if chance(8) { conditions.sender = values.key("sender", &generator) }
        if chance(8) { conditions.recipient = values.key("recipient", &generator) }
        if chance(8) { conditions.minBytes = [0, 16, 17, 5000, 4_000_000].randomElement(using: &generator) }
        if chance(15) { conditions.failed = true }
        if !conditions.failed && chance(6) { conditions.ok = true }
        if !conditions.ok && chance(8) { conditions.failureClass = values.classes.randomElement(using: &generator) }
        if chance(15) { conditions.reason = values.reasonWords.randomElement(using: &generator) }
        if chance(20) { conditions.after = values.id(&generator) }
        if chance(35) { conditions.newest = [0, 1, 2, 7, 100, 5000, 1_000_000].randomElement(using: &generator) }
        conditions.reversed = chance(30)
        return conditions
    }
}

/// The traffic of a small community of users: realistic, and determined by the seed.
struct DemoTraffic {
    static let users = [
        "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj",
        "olivia", "peggy", "rupert", "sybil", "trent", "victor", "walter", "zoë",
    ]
    static let failures = [
        "invalid credentials", "unknown user", "rate limited", "account locked", "session expired",
        "malformed OPAQUE message",
    ]

    private let host: any DemoHooks
    /// One login in this many fails.
    private let loginsToAFailure: UInt64
    private var random: SplitMix
    private let thread: UInt64
    private var seq: UInt64 = 0
    private(set) var calls = DemoCalls()

    init(host: any DemoHooks, seed: UInt64, thread: Int, loginsToAFailure: UInt64 = 40) {
        self.host = host
        self.loginsToAFailure = loginsToAFailure
        random = SplitMix(state: seed &+ UInt64(thread) &* 0x9E37_79B9_7F4A_7C15)
        self.thread = UInt64(thread)
    }

    static func bytes(_ count: Int, of name: String) -> [UInt8] {
        var random = SplitMix(state: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private mutating func user() -> String { Self.users[Int(random.next() % UInt64(Self.users.count))] }

    private mutating func message() -> DemoMessage {
        let from = user()
        let to = user()
        seq += 1
        // Mostly short texts, and an occasional picture.
        let size = random.next() % 20 == 0 ? 200_000 + random.next() % 3_000_000 : 40 + random.next() % 1500
        return DemoMessage(
            sender: random.next() % 5 == 0 ? nil : Self.bytes(32, of: from), recipient: Self.bytes(32, of: to),
            channel: Self.bytes(16, of: min(from, to) + max(from, to)), bytes: Int(size), seq: thread << 40 | seq)
    }

    mutating func call() {
        switch random.next() % 100 {
        case 0..<45:
            host.message(message())
            calls.messages += 1
        case 45..<50:
            let messages = (0..<(1 + random.next() % 24)).map { _ in message() }
            host.batch(messages)
            calls.batches += 1
            calls.batchMessages += messages.count
        case 50..<65:
            let name = user()
            let fails = random.next() % loginsToAFailure == 0
            let reason = fails ? Self.failures[Int(random.next() % UInt64(Self.failures.count))] : ""
            host.auth(user: Array(name.utf8), ok: !fails, reason: Array(reason.utf8))
            calls.logins += 1
            if fails { calls.failedLogins += 1 }
        case 65..<70:
            let from = user()
            let to = user()
            host.channel(
                Self.bytes(16, of: min(from, to) + max(from, to)), initiator: Self.bytes(32, of: from),
                peer: Self.bytes(32, of: to), isNew: random.next() % 3 == 0)
            calls.channels += 1
        case 70..<99:
            let waiting = random.next() % 10 < 4 ? 0 : 1 + random.next() % 30
            host.fetch(
                recipient: Self.bytes(32, of: user()), channel: Self.bytes(16, of: "lobby"), count: Int(waiting))
            calls.fetches += 1
        default:
            let name = user()
            host.registered(user: Array(name.utf8), identity: Self.bytes(32, of: name))
            calls.registrations += 1
        }
    }
}

/// What the server tells a plugin, or what the demo writes to a log as if a server had.
protocol DemoHooks {
    func message(_ message: DemoMessage)
    func batch(_ messages: [DemoMessage])
    func auth(user: [UInt8], ok: Bool, reason: [UInt8])
    func channel(_ channel: [UInt8], initiator: [UInt8], peer: [UInt8], isNew: Bool)
    func fetch(recipient: [UInt8], channel: [UInt8], count: Int)
    func registered(user: [UInt8], identity: [UInt8])
}

/// The calls, counted by the caller.
struct DemoCalls {
    var messages = 0
    var batches = 0
    var batchMessages = 0
    var logins = 0
    var failedLogins = 0
    var channels = 0
    var fetches = 0
    var registrations = 0

    var events: Int { messages + batchMessages + logins + channels + fetches + registrations }

    static func += (left: inout DemoCalls, right: DemoCalls) {
        left.messages += right.messages
        left.batches += right.batches
        left.batchMessages += right.batchMessages
        left.logins += right.logins
        left.failedLogins += right.failedLogins
        left.channels += right.channels
        left.fetches += right.fetches
        left.registrations += right.registrations
    }
}

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &+ 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

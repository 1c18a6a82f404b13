import MetricsMemory
import MetricsModel
import PastEvents

/// What a chat server's users do: write, fetch, log in, and now and then meet somebody new. Attackers guess passwords.
struct Traffic {
    private static let slips = [
        "invalid credentials", "invalid credentials", "invalid credentials", "session expired", "unknown user",
        "rate limited", "malformed OPAQUE message", "upstream timed out",
    ].map { Array($0.utf8) }
    private static let guesses = [
        "invalid credentials", "invalid credentials", "rate limited", "rate limited", "unknown user", "account locked",
    ].map { Array($0.utf8) }
    private static let guessedNames = ["admin", "root", "test", "oracle", "support"].map { Array($0.utf8) }

    private let sink: LogSink
    private let people: Population
    private var random: SplitMix
    private var seq: UInt64 = 0
    private var registered = 0

    init(sink: LogSink, seed: UInt64) {
        self.sink = sink
        people = Population(seed: seed)
        random = SplitMix(state: seed)
    }

    /// Writes the events of one slot, until the whole log has `total` events.
    mutating func fill(_ slot: Rhythm.Slot, until total: Int) throws {
        let first = sink.events
        // A slot may have no events left to write.
        while sink.events < total {
            let done = UInt64(sink.events - first)
            let step = slot.lengthNanoseconds / UInt64(total - first)
            let ticks = slot.startNanoseconds + done * step + UInt64(random.below(Int(step) + 1))
            if slot.attack > 0, random.chance(slot.attack) {
                try guess(ticks)
            } else {
                try call(ticks, room: total - sink.events)
            }
        }
    }

    private mutating func call(_ ticks: UInt64, room: Int) throws {
        switch random.fraction() {
        case ..<0.53: try message(.messageEnqueue, ticks)
        case ..<0.56: try batch(ticks, messages: min(room, 1 + random.below(12)))
        case ..<0.66: try login(ticks)
        case ..<0.664: try newChannel(ticks)
        case ..<0.666: try register(ticks)
        default: try fetch(ticks)
        }
    }

    private mutating func message(_ kind: EventKind, _ ticks: UInt64) throws {
        let from = people.someUser(&random)
        let to = people.friend(of: from, &random)
        seq += 1
        let sender: RecordField =
            random.chance(0.2) ? .absent : .key(people.key(people.device(of: from, &random)), 32)
        let recipient = RecordField.key(people.key(people.device(of: to, &random)), 32)
        let bytes = payload()
        try withChannel(from, to) {
            try sink.put(Record(kind, ticks: ticks, sender, recipient, $0, number: bytes, seq: seq))
        }
    }

    /// Ciphertexts are padded; most are short, some are pictures.
    private mutating func payload() -> UInt64 {
        switch random.fraction() {
        case ..<0.6: 160 + 32 * UInt64(random.below(8))
        case ..<0.9: 512 + 128 * UInt64(random.below(30))
        case ..<0.98: 20_000 + UInt64(random.below(200_000))
        default: 300_000 + UInt64(random.below(6_000_000))
        }
    }

    private mutating func batch(_ ticks: UInt64, messages: Int) throws {
        try sink.beginBatch(messages: messages, ticks: ticks)
        for _ in 0..<messages { try message(.batchEnqueue, ticks) }
    }

    private mutating func login(_ ticks: UInt64) throws {
        let user = people.name(people.someUser(&random))
        if random.chance(0.97) {
            try sink.put(Record(.auth, ticks: ticks, .text(user.baseAddress, user.count), .absent, yes: true))
        } else {
            try failure(ticks, user, Self.slips[random.below(Self.slips.count)])
        }
    }

    /// One guess at a password: of one of a few users, or of a name that nobody has.
    private mutating func guess(_ ticks: UInt64) throws {
        let reason = Self.guesses[random.below(Self.guesses.count)]
        if random.chance(0.5) {
            try failure(ticks, people.name(random.below(12)), reason)
        } else {
            try Self.guessedNames[random.below(Self.guessedNames.count)].withUnsafeBufferPointer {
                try failure(ticks, $0, Array("unknown user".utf8))
            }
        }
    }

    private func failure(_ ticks: UInt64, _ user: UnsafeBufferPointer<UInt8>, _ reason: [UInt8]) throws {
        try reason.withUnsafeBufferPointer { reason in
            try sink.put(
                Record(
                    .auth, ticks: ticks, .text(user.baseAddress, user.count), .text(reason.baseAddress, reason.count),
                    failure: FailureClass(reason: UnsafeRawBufferPointer(reason))))
        }
    }

    private mutating func newChannel(_ ticks: UInt64) throws {
        let from = people.someUser(&random)
        let to = people.friend(of: from, &random)
        let initiator = RecordField.key(people.key(people.device(of: from, &random)), 32)
        let peer = RecordField.key(people.key(people.device(of: to, &random)), 32)
        let isNew = random.chance(0.6)
        try withChannel(from, to) {
            try sink.put(Record(.channelCreated, ticks: ticks, $0, initiator, peer, yes: isNew))
        }
    }

    private mutating func fetch(_ ticks: UInt64) throws {
        let user = people.someUser(&random)
        let recipient = RecordField.key(people.key(people.device(of: user, &random)), 32)
        let count = random.chance(0.55) ? 0 : 1 + UInt64(random.below(random.chance(0.05) ? 400 : 12))
        try withChannel(user, people.friend(of: user, &random)) {
            try sink.put(Record(.fetch, ticks: ticks, recipient, $0, number: count))
        }
    }

    private mutating func register(_ ticks: UInt64) throws {
        let user = registered % Population.users
        registered += 1
        let name = people.name(user)
        try sink.put(
            Record(.userRegistered, ticks: ticks, .text(name.baseAddress, name.count), .key(people.key(user), 32)))
    }

    private func withChannel(_ one: Int, _ other: Int, _ body: (RecordField) throws -> Void) throws {
        try withUnsafeBytes(of: people.channel(one, other)) {
            try body(.key($0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count))
        }
    }
}

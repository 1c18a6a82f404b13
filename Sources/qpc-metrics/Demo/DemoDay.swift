import MetricsMemory
import MetricsModel
import PastEvents
import TimeWords

/// The last 24 hours of a small server, up to two minutes ago: quiet at night and busy in the evening, with somebody guessing a
/// password from 03:00 to 03:20. Written into a log the way the plugin does, since no hook can be called in the past.
struct DemoDay {
    /// The user whose password is guessed.
    static let victim = "alice"
    private static let attackMinutes: Int64 = 20
    private static let dayMinutes: Int64 = 24 * 60

    /// - Parameter now: UTC, microseconds since 1970.
    /// - Parameter isCalm: nobody guesses.
    /// - Returns: how many events there were.
    static func write(
        into directory: String, seed: UInt64, now: Int64, zone: ClockZone, isCalm: Bool = false
    ) throws -> Int {
        let sink = try LogSink(directory: directory, seed: seed)
        let hooks = PastHooks(sink: sink)
        // A thread number that none of the server's threads uses, so that message numbers differ.
        var traffic = DemoTraffic(host: hooks, seed: seed, thread: 100, loginsToAFailure: 60)
        var random = SplitMix(state: seed)
        let end = now / 60_000_000 - 1
        for minute in end - dayMinutes..<end {
            let local = minute + zone.offsetSeconds(minute * 60) / 60
            let minuteOfDay = local - CivilDate.floorDivide(local, dayMinutes) * dayMinutes
            let calls = Self.calls(minuteOfDay, &random)
            let guesses = isCalm ? 0 : Self.guesses(minuteOfDay, &random)
            let all = calls + guesses
            for index in 0..<all {
                hooks.ticks =
                    UInt64(minute) * 60_000_000_000 + UInt64(index) * 60_000_000_000 / UInt64(all)
                    + random.next() % 1_000_000
                // Guesses are spread evenly among the rest.
                if guesses > 0, index % max(1, all / guesses) == 0, index / max(1, all / guesses) < guesses {
                    let isLate = minuteOfDay >= 3 * 60 + 12
                    hooks.auth(
                        user: Array(victim.utf8), ok: false,
                        reason: Array((isLate ? "rate limited" : "invalid credentials").utf8))
                } else {
                    traffic.call()
                }
            }
        }
        if let problem = hooks.problem { throw problem }
        try sink.close()
        return sink.events
    }

    /// From 3 a minute at 04:00 to 24 at 20:00.
    private static func calls(_ minuteOfDay: Int64, _ random: inout SplitMix) -> Int {
        let hour = Double(minuteOfDay) / 60
        // A daily curve without trigonometry: up until 20:00, then quickly down.
        let share = hour < 4 ? (4 - hour) / 8 : hour < 20 ? (hour - 4) / 16 : 1 - (hour - 20) / 8
        return 3 + Int(share * 16) + Int(random.next() % 5)
    }

    private static func guesses(_ minuteOfDay: Int64, _ random: inout SplitMix) -> Int {
        let start: Int64 = 3 * 60
        return (start..<start + attackMinutes).contains(minuteOfDay) ? 24 + Int(random.next() % 8) : 0
    }
}

/// Hooks that write into a log, at a time in the past.
private final class PastHooks: DemoHooks {
    private let sink: LogSink
    /// UTC, nanoseconds since 1970.
    var ticks: UInt64 = 0
    /// The first error; nothing is written after it.
    private(set) var problem: (any Error)?

    init(sink: LogSink) { self.sink = sink }

    private func attempt(_ body: () throws -> Void) {
        guard problem == nil else { return }
        do { try body() } catch { problem = error }
    }

    func message(_ message: DemoMessage) { attempt { try put(message, .messageEnqueue) } }

    func batch(_ messages: [DemoMessage]) {
        attempt {
            try sink.beginBatch(messages: messages.count, ticks: ticks)
            for message in messages { try put(message, .batchEnqueue) }
        }
    }

    func auth(user: [UInt8], ok: Bool, reason: [UInt8]) {
        attempt {
            try user.withUnsafeBufferPointer { user in
                try reason.withUnsafeBufferPointer { reason in
                    try sink.put(
                        Record(
                            .auth, ticks: ticks, .text(user.baseAddress, user.count), .text(reason.baseAddress, reason.count),
                            yes: ok, failure: FailureClass(reason: UnsafeRawBufferPointer(reason))))
                }
            }
        }
    }

    func channel(_ channel: [UInt8], initiator: [UInt8], peer: [UInt8], isNew: Bool) {
        attempt {
            try withKeys(channel, initiator, peer) {
                try sink.put(Record(.channelCreated, ticks: ticks, $0, $1, $2, yes: isNew))
            }
        }
    }

    func fetch(recipient: [UInt8], channel: [UInt8], count: Int) {
        attempt {
            try withKeys(recipient, channel, []) { recipient, channel, _ in
                try sink.put(Record(.fetch, ticks: ticks, recipient, channel, number: UInt64(count)))
            }
        }
    }

    func registered(user: [UInt8], identity: [UInt8]) {
        attempt {
            try user.withUnsafeBufferPointer { user in
                try withKeys(identity, [], []) { identity, _, _ in
                    try sink.put(Record(.userRegistered, ticks: ticks, .text(user.baseAddress, user.count), identity))
                }
            }
        }
    }

    private func put(_ message: DemoMessage, _ kind: EventKind) throws {
        try withKeys(message.sender ?? [], message.recipient, message.channel) {
            try sink.put(Record(kind, ticks: ticks, $0, $1, $2, number: UInt64(message.bytes), seq: message.seq))
        }
    }

    private func withKeys(
        _ one: [UInt8], _ two: [UInt8], _ three: [UInt8], _ body: (RecordField, RecordField, RecordField) throws -> Void
    ) throws {
        try one.withUnsafeBufferPointer { one in
            try two.withUnsafeBufferPointer { two in
                try three.withUnsafeBufferPointer { three in
                    try body(
                        .key(one.baseAddress, one.count), .key(two.baseAddress, two.count), .key(three.baseAddress, three.count))
                }
            }
        }
    }
}

import EventLog
import Foundation
import MetricsModel
import TestSupport

/// A log of several segments, written by the real writer without a server, so that it is ready in seconds. Its events
/// follow from the seed and the start alone.
final class SeededLog {
    static let reasons = ["invalid credentials", "rate limited", "locked, for \"good\"", "expired", "неверный пароль"]
    static let users = 300
    static let identities = 400
    static let channels = 2000

    let place = DataPlace()
    let start: Int64
    private(set) var end: Int64
    private var writer: EventLogWriter
    private var random: SeededGenerator
    private var written = [UInt64](repeating: 0, count: EventKind.count)

    /// - Parameter start: microseconds since 1970.
    /// - Parameter step: microseconds between two events, on average.
    init(seed: UInt64, start: Int64, step: Int64, events: Int) throws {
        self.start = start
        end = start
        random = SeededGenerator(seed: seed)
        guard mkdir(place.path, 0o755) == 0 else { throw TestFailure.system("make \(place.path)", errno) }
        writer = try Self.writer(place.path)
        var left = events
        var run = 0
        while left > 0 {
            let some = min(left, 1 + Int.random(in: 0..<9000, using: &random))
            try append(some, step: step)
            left -= some
            run += 1
            // Now and then another server takes over, in the middle of a segment.
            if run % 7 == 0 { writer = try Self.writer(place.path) }
            // Once, the clock is set back.
            if run == 11 { end -= 40 * 60_000_000 }
        }
    }

    private static func writer(_ path: String) throws -> EventLogWriter {
        try EventLogWriter(directory: path, mode: .plain, keys: nil, syncEachCommit: false)
    }

    /// Everything is in `events.db` itself afterwards.
    func checkpoint() throws { try writer.checkpoint(truncating: true) }

    // MARK: Events

    /// A few do most of it.
    private func some(of limit: Int) -> Int {
        let share = Double.random(in: 0..<1, using: &random)
        return Int(share * share * share * Double(limit))
    }

    static func identity(_ number: Int) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 0xFF)] + (0..<30).map { UInt8(truncatingIfNeeded: 7 &+ $0 &* number) }
    }

    static func channel(_ number: Int) -> [UInt8] {
        [0xC4, UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 9, count: 13)
    }

    static func user(_ number: Int) -> String { number == 0 ? "tab\tand \u{1B}[31mred" : "user-\(number)" }

    private func append(_ count: Int, step: Int64) throws {
        try writer.beginTransaction()
        var left = count
        while left > 0 {
            end += Int64.random(in: 0..<2 * step, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case ..<45: try message(.messageEnqueue)
            case ..<48:
                let size = min(left, Int.random(in: 1...20, using: &random))
                let first = writer.nextID
                for _ in 0..<size { try message(.batchEnqueue, batch: first, size: size) }
                left -= size - 1
            case ..<65: try login()
            case ..<68: try channelCreated()
            case ..<98: try fetch()
            default: try registration()
            }
            left -= 1
        }
        try writer.commitTransaction(
            session: (1, 2), rings: [],
            ringed: { index in
                for kind in EventKind.allCases where CounterIndex.written(kind) == index { return self.written[kind.index] }
                return 0
            }, direct: { _ in 0 })
    }

    /// Events of two threads arrive slightly out of order.
    private func time() -> Int64 { end - Int64.random(in: 0..<3_000_000, using: &random) }

    private func append(_ event: inout Event, _ fields: [UInt8], _ second: [UInt8], _ third: [UInt8]) throws {
        event.timeMicroseconds = time()
        try fields.withUnsafeBytes { first in
            try second.withUnsafeBytes { second in
                try third.withUnsafeBytes { third in
                    event.field0 = first
                    event.field1 = second
                    event.field2 = third
                    try writer.append(event)
                }
            }
        }
        written[event.kind.index] += 1
    }

    private func message(_ kind: EventKind, batch: Int64 = 0, size: Int = 0) throws {
        var event = Event()
        event.kind = kind
        let sizes: [UInt64] = [
            0, 15, 16, 17, .random(in: 0..<3000, using: &random), .random(in: 0..<9_000_000, using: &random),
        ]
        event.number = sizes.randomElement(using: &random)!
        event.seq = UInt64(writer.nextID)
        event.batch = batch
        event.batchSize = UInt64(size)
        let sender = Int.random(in: 0..<5, using: &random) == 0 ? [] : Self.identity(some(of: Self.identities))
        // Some write to themselves.
        let recipient = Int.random(in: 0..<20, using: &random) == 0 ? sender : Self.identity(some(of: Self.identities))
        let channel = Int.random(in: 0..<10, using: &random) == 0 ? [] : Self.channel(some(of: Self.channels))
        try append(&event, sender, recipient, channel)
    }

    private func login() throws {
        var event = Event()
        event.kind = .auth
        event.yes = Int.random(in: 0..<4, using: &random) > 0
        let hasReason = !event.yes && Int.random(in: 0..<6, using: &random) > 0
        let reason = hasReason ? Self.reasons[some(of: Self.reasons.count)] : ""
        try append(&event, Array(Self.user(some(of: Self.users)).utf8), Array(reason.utf8), [])
    }

    private func channelCreated() throws {
        var event = Event()
        event.kind = .channelCreated
        event.yes = Bool.random(using: &random)
        try append(
            &event, Self.channel(some(of: Self.channels)), Self.identity(some(of: Self.identities)),
            Self.identity(some(of: Self.identities)))
    }

    private func fetch() throws {
        var event = Event()
        event.kind = .fetch
        event.number = Bool.random(using: &random) ? 0 : UInt64.random(in: 0..<400, using: &random)
        try append(&event, Self.identity(some(of: Self.identities)), Self.channel(some(of: Self.channels)), [])
    }

    private func registration() throws {
        var event = Event()
        event.kind = .userRegistered
        let number = some(of: Self.users)
        try append(&event, Array(Self.user(number).utf8), Self.identity(number), [])
    }

    // MARK: Removal

    /// Removes what is older, as retention does.
    func prune(before: Int64) throws {
        let retention = try writer.retention(before: before, maxBytes: nil)
        while !retention.isDone {
            _ = try writer.removeAlone(.retention) { () throws(LogError) -> [UInt64] in try retention.step() }
        }
    }

    func forget(user: String) throws {
        let forgetting = try writer.erasure(
            users: writer.storedForms(of: Array(user.utf8), isText: true), identities: [], text: nil)
        while !forgetting.isDone {
            _ = try writer.removeAlone(.forget) { () throws(LogError) -> [UInt64] in try forgetting.step() }
        }
    }

    /// How many segments are indexed.
    func seals() throws -> Int { Int(try place.log.query("SELECT count(*) FROM segment")[0][0]) ?? 0 }
}

import Foundation
import TestSupport
import Testing

/// `stats` on a log of several segments agrees with plain SQL over the rows, to the microsecond.
@Suite struct WindowTests {
    private typealias Fields = [String: JSONValue]

    private func object(_ value: JSONValue?) throws -> Fields {
        guard case .object(let fields)? = value else { throw TestFailure("no object: \(String(describing: value))") }
        return fields
    }

    private func list(_ value: JSONValue?) throws -> [Fields] {
        guard case .list(let elements)? = value else { throw TestFailure("no list: \(String(describing: value))") }
        return try elements.map { try object($0) }
    }

    private func ask(_ log: SeededLog, _ since: Int64, _ until: Int64, _ unit: String) throws -> Fields {
        let words = [
            "stats", "-o", "json", "--since", EventConditions.moment(since), "--until", EventConditions.moment(until), "--by",
            unit,
            "--top", "100000",
        ]
        return try JSONDecoder().decode(Fields.self, from: Data(log.place.tool.succeed(words).output))
    }

    private func expect(_ log: SeededLog, since: Int64, until: Int64, by unit: String = "hour") throws {
        let stats = try ask(log, since, until, unit)
        let reference = WindowReference(log: log.place.log, since: since, until: until)
        let comment: Comment = "--since \(EventConditions.moment(since)) --until \(EventConditions.moment(until))"
        let kinds = try object(stats["kinds"])
        var sum: UInt64 = 0
        for kind in eventKinds {
            let count = try reference.count(kind)
            sum += count
            #expect(try object(kinds[kind])["events"]?.number == count, comment)
        }
        #expect(stats["events"]?.number == sum, comment)
        for kind in ["message_enqueue", "batch_enqueue"] {
            let fields = try object(kinds[kind])
            #expect(try fields["sealed"]?.number == reference.count(kind, "sender IS NULL"), comment)
            #expect(try fields["bytes"]?.number == reference.sum("bytes", of: kind), comment)
        }
        #expect(try object(kinds["auth"])["failed"]?.number == reference.count("auth", "ok = 0"), comment)
        let channel = try object(kinds["channel_created"])
        #expect(try channel["new"]?.number == reference.count("channel_created", "new = 1"), comment)
        let fetch = try object(kinds["fetch"])
        #expect(try fetch["empty"]?.number == reference.count("fetch", "count = 0"), comment)
        #expect(try fetch["messages"]?.number == reference.sum("count", of: "fetch"), comment)

        var reasons: [String: UInt64] = [:]
        for reason in try list(stats["reasons"]) { reasons[reason["reason"]?.text ?? ""] = reason["events"]?.number }
        #expect(try reasons == reference.reasons(), comment)
        try expectSizes(try object(stats["sizes"]), reference, comment)
        try expectRankings(stats, reference, comment)

        let seconds: Int64 = ["minute": 60, "hour": 3600, "day": 86_400][unit]!
        var periods: [UInt64: UInt64] = [:]
        for period in try list(stats["periods"]) {
            periods[UInt64(microseconds(period["time"]?.text ?? "") ?? -1) / 1_000_000] = period["events"]?.number
        }
        #expect(try periods == reference.periods(seconds: seconds), comment)
        try expectDayBefore(try object(stats["day_before"]), log, since, until, comment)
    }

    private func expectSizes(_ sizes: Fields, _ reference: WindowReference, _ comment: Comment) throws {
        for (name, kind, column, condition) in [
            ("message_payload_bytes", "message_enqueue", "bytes", "1"),
            ("batch_payload_bytes", "batch_enqueue", "bytes", "1"),
            ("batch_messages", "batch_enqueue", "batch_size", "id = batch"), ("fetch_messages", "fetch", "count", "1"),
        ] {
            let fields = try object(sizes[name])
            let count = try reference.count(kind, condition)
            #expect(fields["count"]?.number == count, comment)
            guard count > 0 else { continue }
            for percent in [50, 90, 99] {
                let exact = try reference.percentile(percent, column, of: kind, condition)
                let found = try #require(fields["p\(percent)"]?.number)
                let isClose = exact < 16 ? found == exact : abs(Double(found) / Double(exact) - 1) <= 0.06
                #expect(isClose, "\(name) p\(percent): \(found) for \(exact)")
            }
        }
    }

    private func expectRankings(_ stats: Fields, _ reference: WindowReference, _ comment: Comment) throws {
        let channels = Dictionary(uniqueKeysWithValues: EventConditions.channelKinds.map { ($0, ["channel"]) })
        for (name, field, expected) in [
            ("identities", "identity", try reference.ranking(EventConditions.identityFields, names: "identity_name")),
            ("channels", "channel", try reference.ranking(channels, names: "channel_name")),
            ("failed_users", "user", try reference.ranking(["auth": ["user"]], names: "user_name", "ok = 0")),
        ] {
            let entries = try list(stats[name])
            var found: [String: UInt64] = [:]
            for entry in entries {
                let subject = entry[field]?.text ?? ""
                found[field == "user" ? hex(subject.utf8).uppercased() : subject] = entry["events"]?.number
            }
            #expect(found == expected, "\(name): \(comment)")
            let counts = entries.compactMap { $0["events"]?.number }
            #expect(counts == counts.sorted(by: >), comment)
        }
    }

    private func expectDayBefore(
        _ fields: Fields, _ log: SeededLog, _ since: Int64, _ until: Int64, _ comment: Comment
    ) throws {
        let day: Int64 = 86_400_000_000
        let start = max(since, until - day)
        for (name, shift) in [("events", day), ("events_a_day_later", 0)] {
            let reference = WindowReference(log: log.place.log, since: start - shift, until: until - shift)
            let events = try object(fields[name])
            for kind in eventKinds { #expect(try events[kind]?.number == reference.count(kind), comment) }
        }
    }

    private func randomWindow(_ log: SeededLog, _ random: inout SeededGenerator) -> (Int64, Int64) {
        let ends = (0..<2).map { _ in Int64.random(in: log.start - 1_000_000...log.end, using: &random) }.sorted()
        return (ends[0], ends[1] + 1)
    }

    @Test func anyWindowBeforeAndAfterRowsLeave() throws {
        var random = SeededGenerator.announced("windows over segments")
        let log = try SeededLog(seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: 180_000)
        #expect(try log.seals() == 2)
        func someWindows(_ count: Int) throws {
            try expect(log, since: log.start - 5_000_000, until: log.end + 1)
            for _ in 0..<count {
                let (since, until) = randomWindow(log, &random)
                try expect(log, since: since, until: until, by: ["minute", "hour", "day"].randomElement(using: &random)!)
            }
        }
        try someWindows(5)
        // A whole minute, part of one, and one microsecond.
        let middle = log.start + 70_000_000_000
        try expect(log, since: middle / 60_000_000 * 60_000_000, until: middle / 60_000_000 * 60_000_000 + 60_000_000)
        try expect(log, since: middle + 1, until: middle + 900_001)
        let one = Int64(try log.place.log.query("SELECT time FROM fetch LIMIT 1 OFFSET 30000")[0][0])!
        try expect(log, since: one, until: one + 1)
        // A window without events.
        try expect(log, since: log.end + 60_000_000, until: log.end + 120_000_000)
        try log.prune(before: log.start + 30_000_000_000)
        try someWindows(3)
        try log.forget(user: SeededLog.user(1))
        #expect(try log.seals() == 1)
        try someWindows(4)
    }
}

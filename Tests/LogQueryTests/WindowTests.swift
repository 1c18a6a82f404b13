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

    private func ask(_ log: SeededLog, _ conditions: EventConditions, _ unit: String) throws -> Fields {
        let words = ["stats", "-o", "json", "--by", unit, "--top", "100000"] + conditions.arguments
        return try JSONDecoder().decode(Fields.self, from: Data(log.place.tool.succeed(words).output))
    }

    /// - Returns: whether there was any event.
    @discardableResult
    private func expect(
        _ log: SeededLog, since: Int64, until: Int64, by unit: String = "hour", _ conditions: EventConditions = EventConditions()
    ) throws -> Bool {
        let reference = WindowReference(log: log.place.log, since: since, until: until, conditions)
        let stats = try ask(log, reference.conditions, unit)
        let comment: Comment = "\(reference.conditions.arguments) --by \(unit)"
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
        var failures: [UInt64: UInt64] = [:]
        var times: [UInt64] = []
        for period in try list(stats["periods"]) {
            let time = UInt64(microseconds(period["time"]?.text ?? "") ?? -1) / 1_000_000
            times.append(time)
            failures[time] = period["failed_logins"]?.number
        }
        #expect(try failures == reference.periods(seconds: seconds, of: ["auth"], "ok = 0"), comment)
        #expect(times == (conditions.reversed ? times.sorted(by: >) : times.sorted()), comment)
        if conditions.after == nil && conditions.newest == nil {
            try expectDayBefore(try object(stats["day_before"]), log, since, until, conditions, comment)
        } else {
            #expect(stats["day_before"] == nil, comment)
        }
        return sum > 0
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
        try expectActivity(stats, reference, comment)
    }

    private func expectActivity(_ stats: Fields, _ reference: WindowReference, _ comment: Comment) throws {
        let messages = EventConditions.messageKinds
        let (people, places) = ("identity_name", "channel_name")
        for (list, field, column, kinds, number, names, measures) in [
            ("identities", "identity", "sender", messages, "bytes", people, ["sent", "bytes_sent"]),
            ("identities", "identity", "recipient", messages, "bytes", people, ["received", "bytes_received"]),
            ("identities", "identity", "recipient", ["fetch"], "count", people, ["fetches", "messages_fetched"]),
            ("channels", "channel", "channel", messages, "bytes", places, ["messages", "bytes"]),
            ("channels", "channel", "channel", ["fetch"], "count", places, ["fetches", "messages_fetched"]),
        ] {
            let expected = try reference.sums(of: number, by: column, kinds: kinds, names: names)
            var found: [String: [UInt64]] = [:]
            for entry in try self.list(stats[list]) {
                let numbers = try measures.map { try #require(entry[$0]?.number, "\(list): \(comment)") }
                if numbers[0] > 0 { found[entry[field]?.text ?? ""] = numbers }
            }
            #expect(found == expected, "\(list), \(measures[0]): \(comment)")
        }
    }

    private func expectDayBefore(
        _ fields: Fields, _ log: SeededLog, _ since: Int64, _ until: Int64, _ conditions: EventConditions, _ comment: Comment
    ) throws {
        let day: Int64 = 86_400_000_000
        let start = max(since, until - day)
        for (name, shift) in [("events", day), ("events_a_day_later", 0)] {
            let reference = WindowReference(log: log.place.log, since: start - shift, until: until - shift, conditions)
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
        var hits = 0
        func someWindows(_ count: Int) throws {
            try expect(log, since: log.start - 5_000_000, until: log.end + 1)
            for _ in 0..<count {
                let (since, until) = randomWindow(log, &random)
                try expect(log, since: since, until: until, by: ["minute", "hour", "day"].randomElement(using: &random)!)
            }
            hits += try someConditions(3 * count, log, &random)
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
        #expect(hits > (BuiltProducts.areSanitized ? 1 : 8))
    }

    /// Windows with any conditions that `events` takes; returns how many of them had events.
    private func someConditions(_ count: Int, _ log: SeededLog, _ random: inout SeededGenerator) throws -> Int {
        var hits = 0
        for _ in 0..<(BuiltProducts.areSanitized ? count / 4 : count) {
            let conditions = EventConditions.random(log, &random)
            let (since, until) = randomWindow(log, &random)
            guard !conditions.isContradictory else {
                let refused = try log.place.tool.run(["stats"] + conditions.arguments)
                #expect(refused.status == 64 && refused.errors.contains("cannot be used with"), "\(conditions.arguments)")
                continue
            }
            hits += try expect(log, since: since, until: until, conditions) ? 1 : 0
        }
        return hits
    }
}

import TestSupport
import Testing

/// `events` prints what a plain filter over all events finds.
@Suite struct FilterTests {
    private func expect(_ filter: EventConditions, in fixture: Fixture, asking arguments: [String]? = nil) throws {
        let words = arguments ?? filter.arguments
        guard !filter.isContradictory else {
            let outcome = try fixture.place.tool.run(["events"] + words)
            #expect(outcome.status == 64 && outcome.errors.contains("cannot be used with"), "\(words): \(outcome.errors)")
            return
        }
        let expected = filter.applied(to: fixture.events)
        let found = try fixture.place.tool.events(words)
        #expect(found == expected, "\(words): \(found.count) for \(expected.count)")
        let counted = try fixture.place.tool.succeed(["events", "-c"] + words).text
        #expect(counted == "\(expected.count)\n", "\(words)")
    }

    /// Some value that the field has.
    private func some(_ field: String, in events: [LoggedEvent]) throws -> String {
        for event in events { if let text = event[field]?.text { return text } }
        throw TestFailure("no event has a \(field)")
    }

    @Test func eachConditionAlone() throws {
        let fixture = Fixture.plain
        let all = fixture.events
        let middle = all[all.count / 2]
        for kind in eventKinds { try expect(.init(kinds: [kind]), in: fixture) }
        try expect(.init(kinds: ["auth", "fetch"]), in: fixture)
        try expect(.init(since: middle.moment), in: fixture)
        try expect(.init(until: middle.moment), in: fixture)
        try expect(.init(since: middle.moment, until: middle.moment + 1), in: fixture)
        for user in ["alice", "Zoë Müller", "o'brien \"quoted\" \\ back", "-n", "Alice", "nobody at all", ""] {
            try expect(.init(user: user), in: fixture)
        }
        for field in ["sender", "recipient", "initiator", "peer", "identity"] {
            let value = try some(field, in: all)
            try expect(.init(identity: value), in: fixture)
            try expect(.init(identity: value), in: fixture, asking: ["--identity", value.uppercased()])
        }
        let channel = try some("channel", in: all)
        try expect(.init(channel: channel), in: fixture)
        try expect(.init(channel: "0000"), in: fixture)
        try expect(.init(failed: true), in: fixture)
        for reason in ["credentials", "INVALID", "credentials invalid", "cred inv", "密码", "\"no\"", "nothing like it"] {
            try expect(.init(reason: reason), in: fixture)
        }
        #expect(try fixture.place.tool.count("--reason", "redentials") == 0, "only beginnings of words")
        for after in [0, middle.id, all.last!.id, all.last!.id + 1000] { try expect(.init(after: Int64(after)), in: fixture) }
        for newest in [0, 1, 10, 1_000_000] {
            try expect(.init(newest: newest), in: fixture)
            try expect(.init(newest: newest, reversed: true), in: fixture)
        }
        try expect(.init(reversed: true), in: fixture)
    }

    @Test func allTogether() throws {
        let fixture = Fixture.plain
        let failure = try #require(
            fixture.events.last { $0["ok"] == .flag(false) && $0["reason"] != nil && $0["user"] != nil })
        let filter = EventConditions(
            kinds: ["auth", "fetch"], since: fixture.events[0].moment, until: failure.moment + 1,
            user: failure["user"]?.text, failed: true, reason: String(failure["reason"]!.text!.prefix(3)),
            after: 1, newest: 5, reversed: true)
        #expect(!filter.applied(to: fixture.events).isEmpty)
        try expect(filter, in: fixture)
    }

    @Test func anyMixture() throws {
        var generator = SeededGenerator.announced("filters")
        var hits = 0
        for _ in 0..<150 {
            let filter = EventConditions.random(FixtureValues(events: Fixture.plain.events), &generator)
            hits += filter.applied(to: Fixture.plain.events).isEmpty ? 0 : 1
            try expect(filter, in: .plain)
        }
        #expect(hits > 30)
    }

    @Test func pseudonymsAreFoundByNameAndByPseudonym() throws {
        let fixture = Fixture.pseudonym
        var generator = SeededGenerator.announced("pseudonym filters")
        for _ in 0..<40 { try expect(.random(FixtureValues(events: fixture.events), &generator), in: fixture) }
        // The names as sent find what the log holds under their pseudonyms.
        let sent = Fixture.plain.events.count { $0["user"]?.text == "Zoë Müller" }
        let found = try fixture.place.tool.count("--user", "Zoë Müller", "--login-only")
        #expect(sent > 0 && Int(found) == sent)
        let key = try some("recipient", in: Fixture.plain.events)
        let count = try fixture.place.tool.count("--identity", key)
        let plainCount = try Fixture.plain.place.tool.count("--identity", key)
        #expect(count > 0 && count == plainCount)
        let channel = try some("channel", in: Fixture.plain.events)
        #expect(try fixture.place.tool.count("--channel", channel) == Fixture.plain.place.tool.count("--channel", channel))
    }

    @Test func afterResumesWhereItStopped() throws {
        let all = Fixture.plain.events
        var found: [LoggedEvent] = []
        var last: UInt64 = 0
        while true {
            let next = try Fixture.plain.place.tool.events("--after", "\(last)").prefix(700)
            guard let end = next.last?.id else { break }
            found += next
            last = end
        }
        #expect(found == all)
    }

    @Test func aTimeMayBeginWithAMinus() throws {
        let tool = Fixture.plain.place.tool
        #expect(try tool.count("--since", "-2h") == UInt64(Fixture.plain.events.count))
        #expect(try tool.count("--until", "-2h") == 0)
    }

    @Test func timesCanBeSaidAsPeopleSayThem() throws {
        let tool = Fixture.plain.place.tool
        let all = UInt64(Fixture.plain.events.count)
        let times = [
            "-2h", "90m", "1 hour ago", "yesterday", "@0", "2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01 14:00",
        ]
        for time in times {
            #expect(try tool.count("--since=\(time)") == all, "\(time)")
            #expect(try tool.count("--until=\(time)") == 0, "\(time)")
        }
        #expect(try tool.count("--until", "now") == all)
        #expect(try tool.count("--since", "2999-01-01") == 0)
    }
}

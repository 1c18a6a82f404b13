import Foundation
import TestSupport
import Testing

/// `count` on a log of several segments agrees with plain SQL over the rows, whatever happens to the rows.
@Suite struct CountTests {
    /// Offsets of whole hours and of a half hour, one of them with clocks that go forward within the log.
    private static let zones = ["UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "IST-5:30"]

    /// The rows that the sqlite3 shell prints, in a time zone.
    private func rows(_ log: SeededLog, _ sql: String, _ zone: String) throws -> [[String]] {
        let outcome = try run(
            ["sqlite3", "-readonly", "-batch", "-bail", "-separator", "\u{1F}", log.place.log.path, sql],
            environment: ["TZ": zone])
        guard outcome.status == 0, outcome.errors.isEmpty else { throw TestFailure("\(sql): \(outcome.errors)") }
        return outcome.lines.map { $0.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init) }
    }

    private func text(_ value: JSONValue?, of column: String) -> String {
        switch value {
        case nil: return ""
        case .number(let number): return "\(number)"
        case .text(let text):
            if ["first", "last"].contains(column) { return "\(microseconds(text) ?? -1)" }
            return ["minute", "hour", "day"].contains(column) ? "\((microseconds(text) ?? -1) / 1_000_000)" : text
        default: return "?"
        }
    }

    /// What plain SQL says: a line for each group, with its keys first.
    private func expected(_ shape: CountShape, _ log: SeededLog, _ zone: String) throws -> [String] {
        var distinct: [[String]: String] = [:]
        if let sql = shape.distinctSQL {
            for row in try rows(log, sql, zone) { distinct[Array(row.dropLast())] = row[row.count - 1] }
        }
        let events = shape.fields.count
        return try rows(log, shape.sql, zone).compactMap { row -> String? in
            if let having = shape.having, let count = Int(row[events]), count < having { return nil }
            var values = row
            if shape.distinct != nil {
                let keys = Array(row[..<events])
                let times = (shape.first ? 1 : 0) + (shape.last ? 1 : 0)
                values.insert(distinct[keys] ?? "0", at: row.count - times)
            }
            return values.joined(separator: "\u{1F}")
        }.sorted()
    }

    /// Compares the two answers; returns whether there were any groups.
    private func expectAlike(_ shape: CountShape, _ log: SeededLog, _ zone: String) throws -> Bool {
        let comment: Comment = "TZ=\(zone) count \(shape.arguments)"
        let outcome = try log.place.tool.run(["count", "-o", "ndjson"] + shape.arguments, environment: ["TZ": zone])
        guard !shape.isContradictory else {
            #expect(outcome.status == 64 || (outcome.status == 0 && outcome.output.isEmpty), comment)
            return false
        }
        #expect(outcome.status == 0, "\(comment): \(outcome.errors)")
        let found = try NDJSON.decode(outcome.output).map { row in
            shape.columns.map { text(row[$0], of: $0) }.joined(separator: "\u{1F}")
        }
        let wanted = try expected(shape, log, zone)
        #expect(found.sorted() == wanted, "\(comment): \(found.count) groups for \(wanted.count)")
        // An empty answer says why it is empty; any other at most what has left its window.
        let said = outcome.errorLines.filter { !$0.contains(" removed by ") }
        #expect(said.isEmpty == !wanted.isEmpty, "\(comment): \(outcome.errors)")
        return !wanted.isEmpty
    }

    /// Compares so many shapes, and goes on until half as many had groups: an empty answer proves little.
    private func expectAlike(_ log: SeededLog, _ shapes: Int, _ random: inout SeededGenerator) throws {
        let shapes = BuiltProducts.areSanitized ? shapes / 8 : shapes
        var hits = 0
        var drawn = 0
        while drawn < shapes || hits < shapes / 2, drawn < 10 * shapes {
            drawn += 1
            let zone = Self.zones.randomElement(using: &random)!
            hits += try expectAlike(.random(about: log, &random), log, zone) ? 1 : 0
        }
        #expect(hits >= shapes / 2, "of \(drawn)")
    }

    @Test func anyShapeBeforeAndAfterRowsLeave() throws {
        var random = SeededGenerator.announced("counts over segments")
        let log = try SeededLog(seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: 150_000)
        #expect(try log.seals() == 2)
        // Each field alone over the whole log, from what segments store where they store it.
        for field in CountShape.fields {
            #expect(try expectAlike(CountShape(fields: [field]), log, Self.zones[1]), "\(field)")
        }
        try expectAlike(log, 60, &random)
        try log.prune(before: log.start + 30_000_000_000)
        #expect(try log.seals() == 1)
        try expectAlike(log, 60, &random)
        try log.forget(user: SeededLog.user(1))
        try expectAlike(log, 80, &random)
    }

    // MARK: Order

    @Test func sortAndTop() throws {
        let log = try SeededLog(seed: 11, start: 1_774_600_000_000_000, step: 1_000_000, events: 8000)
        func ask(_ words: String...) throws -> [LoggedEvent] {
            try NDJSON.decode(log.place.tool.succeed(["count", "-o", "ndjson"] + words).output)
        }
        func numbers(_ rows: [LoggedEvent], _ name: String) -> [UInt64] { rows.map { $0[name]?.number ?? 0 } }
        let all = try ask("--by", "sender", "--sum", "bytes", "--sort", "sum")
        #expect(numbers(all, "bytes") == numbers(all, "bytes").sorted(by: >) && all.count > 100)
        for top in [1, 7, 50, 100_000] {
            #expect(try ask("--by", "sender", "--sum", "bytes", "--top", "\(top)") == Array(all.prefix(top)))
        }
        let byEvents = try ask("--by", "sender", "--sum", "bytes", "--sort", "events", "-r")
        #expect(numbers(byEvents, "events") == numbers(byEvents, "events").sorted())
        for field in ["user", "sender", "channel", "kind", "hour"] {
            let keys = try ask("--by", field, "--sort", field).compactMap { $0[field]?.text }
            // Kinds come in the order in which everything lists them.
            #expect(
                keys == (field == "kind" ? eventKinds : keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }), "\(field)")
        }
        let last = try ask("--by", "user", "--last", "--sort", "last", "--top", "3").compactMap { $0["last"]?.text }
        #expect(last.count == 3 && last == last.sorted(by: >))
    }

    @Test func whoLoggedInAfterFailures() throws {
        let log = try SeededLog(seed: 12, start: 1_774_600_000_000_000, step: 1_000_000, events: 20_000)
        var failed: [String: UInt64] = [:]
        var before: [String: UInt64] = [:]
        for event in try log.place.tool.events("--kind", "auth") {
            guard let user = event["user"]?.text else { continue }
            if event["ok"]?.flag == true { before[user] = failed[user] ?? 0 } else { failed[user, default: 0] += 1 }
        }
        let expected = before.filter { $0.value >= 10 }
        let rows = try NDJSON.decode(
            log.place.tool.succeed("count", "-o", "ndjson", "--by", "user", "--having", "failed_before_ok>=10").output)
        var found: [String: UInt64] = [:]
        for row in rows { found[row["user"]?.text ?? ""] = row["failed_before_ok"]?.number }
        #expect(!expected.isEmpty && found == expected)
    }

    @Test func theSameHoursEarlierStandBeside() throws {
        // Clocks go forward in the night to 29 March: the hours compared are the ones that the clocks showed.
        let zone = ["TZ": Self.zones[1]]
        let log = try SeededLog(seed: 13, start: 1_774_600_000_000_000, step: 4_000_000, events: 70_000)
        func ask(_ words: [String]) throws -> [LoggedEvent] {
            let outcome = try log.place.tool.run(["count", "-o", "ndjson"] + words, environment: zone)
            guard outcome.status == 0 else { throw TestFailure(outcome.errors) }
            return try NDJSON.decode(outcome.output)
        }
        for field in ["hour_of_day", "kind", "user"] {
            let words = ["--by", field]
            let beside = try ask(words + ["--since", "2026-03-29 05:00", "--until", "2026-03-29 19:30", "--beside", "1d"])
            let now = try ask(words + ["--since", "2026-03-29 05:00", "--until", "2026-03-29 19:30"])
            let before = try ask(words + ["--since", "2026-03-28 05:00", "--until", "2026-03-28 19:30"])
            func counts(_ rows: [LoggedEvent], _ name: String) -> [JSONValue: UInt64] {
                var counts: [JSONValue: UInt64] = [:]
                for row in rows { counts[row[field] ?? .text("")] = row[name]?.number }
                return counts.filter { $0.value > 0 }
            }
            #expect(counts(beside, "events") == counts(now, "events") && !now.isEmpty)
            #expect(counts(beside, "events_before") == counts(before, "events") && !before.isEmpty)
        }
    }

    // MARK: Formats

    private func expectGolden(_ name: String, _ text: String) throws {
        let golden = BuiltProducts.packageRoot + "/Tests/LogQueryTests/Goldens/\(name)"
        if BuiltProducts.setting("UPDATE_GOLDENS") != nil { try overwrite(golden, with: Array(text.utf8)) }
        #expect(text == String(decoding: try read(golden), as: UTF8.self), "\(name)")
    }

    @Test func formats() throws {
        let log = try SeededLog(seed: 7, start: 1_774_609_200_000_000, step: 2_000_000, events: 4000)
        func text(_ words: String...) throws -> String {
            let outcome = try log.place.tool.run(["count"] + words, environment: ["TZ": Self.zones[1]])
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(words): \(outcome.errors)")
            return outcome.text
        }
        let questions = [
            ["--by", "user,class", "--top", "5", "--last"], ["--by", "hour", "--sum", "bytes", "--distinct", "identity"],
            ["--by", "reason", "--first"], ["--by", "weekday,hour_of_day", "--max", "count"], ["--by", "kind"], [],
        ]
        for format in ["table", "json", "csv"] {
            var all = ""
            for words in questions {
                let outcome = try log.place.tool.run(["count", "-o", format] + words, environment: ["TZ": Self.zones[1]])
                #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(words): \(outcome.errors)")
                all += "# count \(words.joined(separator: " "))\n" + outcome.text
            }
            try expectGolden("count.\(format == "table" ? "txt" : format)", all)
        }
    }
}

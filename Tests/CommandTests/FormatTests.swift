import Foundation
import TestSupport
import Testing

/// Table, JSON, NDJSON and CSV show the same events.
@Suite(.serialized) struct FormatTests {
    private let fields = [
        "id", "time", "kind", "sender", "recipient", "channel", "bytes", "seq", "batch", "batch_size", "user", "ok",
        "reason", "initiator", "peer", "new", "count", "identity",
    ]

    @Test func jsonIsTheSameAsNDJSON() throws {
        let json = try Fixture.plain.place.tool.succeed("events", "-o", "json").output
        #expect(try JSONDecoder().decode([LoggedEvent].self, from: Data(json)) == Fixture.plain.events)
        let none = try Fixture.plain.place.tool.succeed("events", "-o", "json", "-n", "0").output
        #expect(try JSONDecoder().decode([LoggedEvent].self, from: Data(none)).isEmpty)
    }

    @Test func csvIsTheSameAsNDJSON() throws {
        let rows = try CSV.rows(Fixture.plain.place.tool.succeed("events", "-o", "csv").output)
        #expect(rows.first == fields)
        let events = Fixture.plain.events
        #expect(rows.count == events.count + 1)
        for (row, event) in zip(rows.dropFirst(), events) {
            let expected = fields.map { field in
                switch event[field] {
                case .text(let text): text
                case .number(let number): "\(number)"
                case .flag(let flag): "\(flag)"
                default: ""
                }
            }
            #expect(row == expected)
        }
    }

    @Test func eachKindHasItsFieldsAndNoOthers() throws {
        let own: [String: Set<String>] = [
            "message_enqueue": ["sender", "recipient", "channel", "bytes", "seq"],
            "batch_enqueue": ["sender", "recipient", "channel", "bytes", "seq", "batch", "batch_size"],
            "auth": ["user", "ok", "reason"], "channel_created": ["channel", "initiator", "peer", "new"],
            "fetch": ["recipient", "channel", "count"], "user_registered": ["user", "identity"],
        ]
        for event in Fixture.plain.events {
            let known = try #require(own[event.kind])
            #expect(Set(event.keys).subtracting(known) == ["id", "time", "kind"])
        }
    }

    @Test func aTableHasALineForEachEventAndAHeading() throws {
        let table = try Fixture.plain.place.tool.succeed("events", "-n", "40").lines
        #expect(table.count == 41)
        let newest = Fixture.plain.events.suffix(40)
        for (line, event) in zip(table.dropFirst(), newest) {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            #expect(words.first.map(String.init) == "\(event.id)")
            #expect(words.contains(Substring(event.kind)), "\(line)")
        }
        // No terminal, no colour.
        #expect(!table.joined().contains("\u{1B}"))
    }

    @Test func aTableHasLocalTimes() throws {
        let tool = Fixture.plain.place.tool
        let utc = try tool.run("events", "-n", "1", environment: ["TZ": "UTC"]).lines.last
        let kathmandu = try tool.run("events", "-n", "1", environment: ["TZ": "Asia/Kathmandu"]).lines.last
        #expect(utc != kathmandu)
        let printed = try tool.run("events", "-n", "1", "-o", "ndjson", environment: ["TZ": "Asia/Kathmandu"]).output
        #expect(try NDJSON.decode(printed).first == Fixture.plain.events.last)
    }

    @Test func theLogsViewSaysTheSame() throws {
        let columns = fields.map { "\"\($0)\"" }.joined(separator: ", ")
        let rows = try Fixture.plain.place.log.query("SELECT \(columns) FROM events ORDER BY id LIMIT 2000")
        let plain = Fixture.plain.events.prefix(2000)
        // A reason that contains a line break takes two lines of sqlite3's output.
        try #require(rows.count >= 1900)
        for row in rows where row.count == fields.count {
            guard let event = plain.first(where: { "\($0.id)" == row[0] }) else { continue }
            for (field, value) in zip(fields, row) where !["reason", "user"].contains(field) {
                switch event[field] {
                case .text(let text): #expect(value == text, "\(field)")
                case .number(let number): #expect(value == "\(number)", "\(field)")
                case .flag(let flag): #expect(["\(flag)", flag ? "1" : "0"].contains(value), "\(field)")
                default: #expect(value.isEmpty, "\(field)")
                }
            }
        }
    }

    @Test("A reader that goes away is no trouble", arguments: ["table", "json", "ndjson", "csv"])
    func closedPipe(format: String) throws {
        let command = "\(BuiltProducts.commandLine) events --dir \(Fixture.plain.place.path) -o \(format)"
        for taking in ["head -1", "true"] {
            let piped = try shell("\(command) | \(taking); echo ${PIPESTATUS[0]}")
            #expect(piped.errors.isEmpty, "\(piped.errors)")
            // It exits normally, or dies of SIGPIPE.
            #expect(["0", "141"].contains(piped.lines.last), "\(piped.lines.last ?? "")")
        }
    }

    @Test func aFullDiskIsSaid() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else {
            return skip("a full disk", because: "there is no /dev/full")
        }
        for command in ["events", "events -o csv", "prometheus", "verify"] {
            let full = try shell("\(BuiltProducts.commandLine) \(command) --dir \(Fixture.plain.place.path) > /dev/full")
            #expect(full.status == 1 && full.errorLines.count == 1, "\(command): \(full.status) \(full.errors)")
        }
    }
}

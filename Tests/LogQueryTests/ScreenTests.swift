import Foundation
import TestSupport
import Testing

/// `stats` as people and scripts see it: golden files of a reproducible log. After an intended change, run with
/// `UPDATE_GOLDENS=1`, and read what changed.
@Suite(.serialized) struct ScreenTests {
    /// From noon on a Friday in Berlin to a Sunday on which clocks go forward.
    private static let start: Int64 = 1_774_609_200_000_000
    private static let place: Result<DataPlace, any Error> = Result {
        // A static is never freed, but its directory must still be removed.
        atexit { if case .success(let place) = ScreenTests.place { TemporaryDirectory.remove(place.temporary.path) } }
        return try SeededLog(seed: 7, start: start, step: 2_000_000, events: 70_000).place
    }
    /// Berlin's rules, which need no zone files.
    private static let zone = "CET-1CEST,M3.5.0,M10.5.0/3"

    private var window: [String] {
        get throws {
            ["stats", "--since", "@1774610000.25", "--until", "@1774749600", "--color", "never"]
        }
    }

    private func expectGolden(_ name: String, _ text: String) throws {
        let golden = BuiltProducts.packageRoot + "/Tests/LogQueryTests/Goldens/\(name)"
        if BuiltProducts.setting("UPDATE_GOLDENS") != nil { try overwrite(golden, with: Array(text.utf8)) }
        let expected = String(decoding: try read(golden), as: UTF8.self)
        for (found, wanted) in zip(text.split(separator: "\n"), expected.split(separator: "\n")) where found != wanted {
            Issue.record("\(name): \(found) for \(wanted)")
        }
        #expect(text == expected)
    }

    private func stats(_ more: String..., environment: [String: String] = [:]) throws -> String {
        let place = try Self.place.get()
        let outcome = try place.tool.run(
            try window + more, environment: ["TZ": Self.zone].merging(environment) { $1 })
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        return outcome.text
    }

    @Test func table() throws { try expectGolden("stats.txt", stats()) }
    @Test func coloredTable() throws { try expectGolden("stats-color.txt", stats("--color", "always", "--by", "day")) }
    @Test func json() throws { try expectGolden("stats.json", stats("-o", "json")) }
    @Test func csv() throws {
        let text = try stats("-o", "csv")
        try expectGolden("stats.csv", text)
        // Every line has its four values.
        for line in text.split(separator: "\r\n") where !line.contains("\"") {
            #expect(line.split(separator: ",", omittingEmptySubsequences: false).count == 4, "\(line)")
        }
    }

    @Test func controlCharactersNeverComeRaw() throws {
        for format in ["table", "json", "csv"] {
            let text = try inTerminal(columns: 80, ["-o", format])
            #expect(text.contains("and"), "\(format): the hostile name is there")
            #expect(!text.contains("\u{1B}[31mred") && !text.contains("tab\t"), "\(format)")
        }
    }

    @Test func aTerminalIsFilledAndNotOverflowed() throws {
        for columns in [80, 100, 140, 200] {
            let text = try inTerminal(columns: columns, ["--color", "never"])
            let lines = text.replacing("\r\n", with: "\n").split(separator: "\n")
            let widest = lines.map(\.unicodeScalars.count).max() ?? 0
            #expect(widest <= columns, "\(columns): \(widest)")
            #expect(lines.count < (columns >= 140 ? 37 : 52), "\(columns): \(lines.count) lines")
            // Names are shortened on a terminal.
            #expect(text.contains("…"))
        }
    }

    @Test func colorIsAsPeopleExpect() throws {
        func isColored(_ text: String) -> Bool { text.contains("\u{1B}[1m") }
        #expect(isColored(try inTerminal(columns: 80, [])))
        #expect(!isColored(try inTerminal(columns: 80, [], environment: ["NO_COLOR": "1"])))
        #expect(!isColored(try inTerminal(columns: 80, ["--color", "never"])))
        #expect(isColored(try inTerminal(columns: 80, ["--color", "always"], environment: ["NO_COLOR": "1"])))
        #expect(!isColored(try stats("--color", "auto")))
    }

    /// In a pseudo-terminal made by script(1).
    private func inTerminal(
        columns: Int, _ more: [String], environment: [String: String] = [:]
    ) throws -> String {
        let place = try Self.place.get()
        let words = ["stats", "--since", "@1774610000.25", "--until", "@1774749600", "--dir", place.path] + more
        let command = ([BuiltProducts.commandLine] + words).map { "'\($0)'" }.joined(separator: " ")
        var variables = ["TZ": Self.zone, "TERM": "xterm-256color", "SHELL": "/bin/sh"]
        for (name, value) in environment { variables[name] = value }
        let outcome = try run(
            ["script", "-qefc", "stty columns \(columns) rows 50; \(command)", "/dev/null"], environment: variables)
        #expect(outcome.status == 0, "\(outcome.text)")
        return outcome.text
    }

    @Test func nothingIsSaidPlainly() throws {
        let place = try Self.place.get()
        let none = try place.tool.succeed("stats", "--since", "2020-01-01", "--until", "2020-01-02")
        #expect(none.text.contains("no events in this window") && none.text.contains("70,000 events"))
        let empty = try SeededLog(seed: 1, start: Self.start, step: 1, events: 0)
        #expect(try empty.place.tool.succeed("stats").text.contains("the log holds no events"))
        for format in ["json", "csv"] {
            let text = try empty.place.tool.succeed("stats", "-o", format).text
            #expect(!text.contains("nan") && !text.contains("inf"))
        }
        let fields = try JSONDecoder().decode(
            [String: JSONValue].self, from: Data(empty.place.tool.succeed("stats", "-o", "json").output))
        #expect(fields["events"]?.number == 0)
    }

    @Test func topSaysHowManyAreNamed() throws {
        let none = try stats("--top", "0")
        #expect(!none.contains("most active") && none.contains("busiest hour: "))
        let two = try stats("--top", "2", "-o", "json")
        #expect(two.split(separator: "\"identity\":").count == 3)
    }
}

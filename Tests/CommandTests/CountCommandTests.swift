import Foundation
import TestSupport
import Testing

/// `count` as scripts and people see it: what it refuses, and what it says about an empty answer.
@Suite struct CountCommandTests {
    @Test(
        "What no event can be is refused, and said",
        arguments: [
            (["--failed", "--ok"], ["--failed", "--ok"]), (["--failed", "--kind", "fetch"], ["--failed", "fetch"]),
            (["--min-bytes", "1k", "--kind", "auth"], ["--min-bytes", "auth"]),
            (["--class", "locked", "--ok"], ["--class", "--ok"]),
            (["--sender", "00112233", "--failed"], ["--sender", "--failed"]),
            (["--recipient", "00112233", "--kind", "user_registered"], ["--recipient", "user_registered"]),
            (["--identity", "00112233", "--failed"], ["--identity", "--failed"]),
            (["--reason", "%"], ["--reason", "words"]), (["--min-bytes", "many"], ["--min-bytes", "many"]),
            (["--class", "nonsense"], ["nonsense", "rate_limited"]),
        ])
    func contradictions(arguments: [String], words: [String]) throws {
        for command in ["events", "count"] {
            let outcome = try Fixture.plain.place.tool.run([command] + arguments)
            #expect(outcome.status == 64 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(arguments)")
            for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
        }
    }

    @Test(
        "What count cannot do is refused, and said",
        arguments: [
            (["--by", "colour"], ["colour", "hour_of_day"]), (["--by", "user,user"], ["different"]),
            (["--by", "user,kind,hour"], ["two"]), (["--by", ""], ["--by"]), (["--by", "cause"], ["cause"]),
            (["--by", "user", "--kind", "fetch"], ["--by user", "fetch"]), (["--by", "class", "--ok"], ["--by class", "--ok"]),
            (["--by", "user,channel"], ["--by user", "--by channel"]), (["--sum", "bytes", "--failed"], ["--sum bytes"]),
            (["--sum", "seq"], ["seq", "bytes"]), (["--top", "0"], ["--top", "0"]), (["--sort", "colour"], ["colour"]),
            (["--sort", "sum"], ["--sum"]), (["--having", "failed"], ["failed>=10"]), (["--having", "sum>3"], ["--sum"]),
            (["--having", "last>3"], ["--having"]), (["--beside", "7d"], ["--since"]),
            (["--since", "today", "--beside", "soon"], ["--beside", "soon"]),
            (["--dropped", "--by", "user"], ["user", "cause"]), (["--dropped", "--failed"], ["--failed", "--dropped"]),
            (["-o", "xml"], ["xml", "ndjson"]), (["--distinct", "day"], ["day", "channel"]),
        ])
    func refusals(arguments: [String], words: [String]) throws {
        let outcome = try Fixture.plain.place.tool.run(["count"] + arguments)
        #expect(
            outcome.status == 64 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(arguments): \(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    }

    @Test func anEmptyAnswerSaysWhy() throws {
        let tool = Fixture.plain.place.tool
        for (words, said) in [
            (["--since", "2999-01-01"], "newest event"), (["--until", "2020-01-01"], "oldest event"),
            (["--user", "nobody at all"], "no such user in the log"),
            (["--by", "user", "--having", "failed>=1000000"], "none of"),
            (["--dropped"], "dropped"),
        ] {
            for (format, empty) in [("table", ""), ("json", "[]\n"), ("ndjson", "")] {
                let outcome = try tool.run(["count", "-o", format] + words)
                #expect(outcome.status == 0 && outcome.text == empty, "\(words)")
                #expect(outcome.errors.contains(said) && outcome.errorLines.count == 1, "\(words): \(outcome.errors)")
            }
        }
        #expect(try DataPlace().tool.run("count").status == 66)
    }

    /// Those of docs/QUESTIONS.md are asked by `PrintedPagesTests`.
    @Test func everyQuestionOfTheHelpCanBeAsked() throws {
        let help = try Fixture.plain.place.tool.succeed("count", "--help").text
        // A help line that continues another is left out: its command is on the line before.
        let lines = help.split(separator: "\n").map { $0.drop { $0 == " " } }.filter { $0.hasPrefix("qpc-metrics ") }
        var asked = 0
        for line in lines {
            let command = String(line.dropFirst("qpc-metrics ".count)).split(separator: "   ")[0]
            let outcome = try shell(
                "set -- \(command); exec '\(BuiltProducts.commandLine)' \"$@\" --dir '\(Fixture.plain.place.path)'")
            #expect(outcome.status == 0, "\(command): \(outcome.errors)")
            asked += 1
        }
        #expect(asked > 15, "\(asked)")
    }

    @Test func newestAndAfterBoundWhatIsCounted() throws {
        let fixture = Fixture.plain
        func events(_ words: String...) throws -> UInt64? {
            try NDJSON.decode(fixture.place.tool.succeed(["count", "-o", "ndjson"] + words).output).first?["events"]?.number
        }
        let failed = UInt64(fixture.events.count { $0["ok"] == .flag(false) })
        #expect(try events("-n", "7") == 7)
        #expect(try events("-n", "3", "--failed") == 3)
        #expect(try events("--failed") == failed)
        let middle = fixture.events[fixture.events.count / 2].id
        #expect(try events("--after", "\(middle)") == UInt64(fixture.events.count { $0.id > middle }))
    }

    @Test func hostileNamesNeverReachATerminalRaw() throws {
        let words = [BuiltProducts.commandLine, "count", "--by", "user", "--dir", Fixture.plain.place.path]
        for format in ["table", "json", "csv"] {
            let command = (words + ["-o", format]).map { "'\($0)'" }.joined(separator: " ")
            let outcome = try run(["script", "-qefc", command, "/dev/null"], environment: ["TERM": "xterm", "SHELL": "/bin/sh"])
            #expect(outcome.status == 0 && outcome.text.contains("alice"), "\(format)")
            let rest = outcome.text.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[0m", with: "").replacing(
                "\u{1B}[2m", with: "")
            #expect(!rest.contains("\u{1B}"), "\(format)")
        }
    }

    @Test func dropsAreCountedByTheirMinutes() throws {
        let place = DataPlace()
        let host = try place.server(["IDENTITIES": "plain"])
        _ = try host.tally("send-known seed=3 count=20 out=\(place.temporary("sent"))")
        try host.shutDown()
        // 14:00 UTC on a Friday: two minutes, two kinds, two causes.
        let minute = 29_600_000
        try place.log.change(
            "INSERT INTO drop_minute VALUES (\(minute), 2, 0, 5), (\(minute + 1), 2, 0, 7), (\(minute + 1), 4, 2, 11)")
        func ask(_ words: String...) throws -> [LoggedEvent] {
            try NDJSON.decode(place.tool.succeed(["count", "--dropped", "-o", "ndjson"] + words).output)
        }
        #expect(try ask().first?["events"] == .number(23))
        let kinds = try ask("--by", "kind")
        #expect(kinds.map { $0["kind"]?.text } == ["auth", "fetch"] && kinds.map { $0["events"] } == [.number(12), .number(11)])
        #expect(try ask("--by", "minute,kind", "--until", "@\((minute + 1) * 60)").map { $0["events"] } == [.number(5)])
        #expect(try ask("--by", "cause", "--kind", "fetch").map { $0["cause"]?.text } == ["log_error"])
    }
}

import Foundation
import TestSupport
import Testing

/// Exit codes for scripts, one line for people.
@Suite struct ExitCodeTests {
    let place = DataPlace()

    private func expect(_ outcome: Outcome, _ status: Int32, says words: [String] = [], _ comment: Comment? = nil) {
        #expect(outcome.status == status, comment)
        #expect(outcome.output.isEmpty, comment)
        #expect(outcome.errorLines.count == 1 && outcome.errors.hasSuffix("\n"), "\(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    }

    @Test(
        "Bad input is 64, and says what was given and what would do",
        arguments: [
            (["events", "--kind", "login"], ["login", "auth"]),
            (["events", "--since", "soon"], ["soon"]),
            (["events", "--until", "2026-13-45"], ["2026-13-45"]),
            (["events", "--since", "now", "--until", "-2h"], ["--since", "--until"]),
            (["events", "--identity", "xyz"], ["xyz", "hexadecimal"]),
            (["events", "--channel", "abc"], ["abc", "hexadecimal"]),
            (["events", "-o", "xml"], ["xml", "ndjson"]),
            (["events", "-n", "-1"], ["-1"]), (["events", "-n", "many"], ["many"]),
            (["events", "--after", "x"], ["x"]), (["events", "--color", "blue"], ["blue", "never"]),
            (["stats", "--since", "soon"], ["soon"]), (["stats", "--since", "now", "--until", "-2h"], ["--since", "--until"]),
            (["stats", "--since", "2999-01-01"], ["2999-01-01", "now"]), (["stats", "--by", "week"], ["week", "hour"]),
            (["stats", "--top", "-1"], ["-1"]), (["stats", "-o", "ndjson"], ["ndjson", "csv"]),
            (["stats", "--color", "blue"], ["blue", "never"]),
            (["events", "--nonsense"], ["--nonsense"]), (["events", "surplus"], ["surplus"]),
            (["events", "-n"], ["-n"]), (["nonsense"], ["nonsense"]),
            (["prometheus", "--format", "xml"], ["xml", "openmetrics"]),
            (["prometheus", "--every", "often"], ["often"]), (["prometheus", "--every", "0s"], ["0s"]),
            (["top", "--color", "blue"], ["blue", "never"]), (["top", "--nonsense"], ["--nonsense"]),
            (["top"], ["terminal", "--once"]), (["status", "-o", "xml"], ["xml", "json"]),
            (["events", "-f", "-n", "-3"], ["-3"]), (["events", "-f", "--kind", "login"], ["login", "auth"]),
            (["demo", "--threads", "0"], ["0"]), (["verify", "--nonsense"], ["--nonsense"]),
        ])
    func usage(arguments: [String], words: [String]) throws {
        expect(try Fixture.plain.place.tool.run(arguments), 64, says: words, "\(arguments)")
    }

    @Test(
        "The option, the value and what is expected are named in one form",
        arguments: [
            (["demo", "--threads", "0"], "invalid value '0' for --threads: expected 1–64"),
            (["demo", "--threads", "x"], "invalid value 'x' for --threads: expected a whole number"),
            (["status", "-o", "xml"], "invalid value 'xml' for -o: expected text or json"),
            (["events", "--color", "blue"], "invalid value 'blue' for --color: expected auto, always or never"),
            (
                ["events", "--kind", "a' is invalid for 'b"],
                "invalid value 'a' is invalid for 'b' for --kind: "
                    + "expected message_enqueue, batch_enqueue, auth, channel_created, fetch or user_registered"
            ),
            (
                ["prune", "--max-size", "4GX"],
                "invalid value '4GX' for --max-size: unknown unit \"GX\"; expected a size like 65536, "
                    + "512MiB, 4GiB or 1G"
            ),
            (["events", "-n"], "missing value for -n <N>; see qpc-metrics events --help"),
        ])
    func form(arguments: [String], message: String) throws {
        #expect(try Fixture.plain.place.tool.run(arguments).errors == "qpc-metrics: \(message)\n")
    }

    @Test func aBadArgumentCannotForgeALineOrReachATerminalRaw() throws {
        let outcome = try Fixture.plain.place.tool.run("events", "--kind", "\u{1B}[2Jx\nqpc-metrics: all is well")
        expect(outcome, 64)
        #expect(!outcome.errors.contains("\u{1B}"))
        let time = try Fixture.plain.place.tool.run("events", "--since", "x\u{1B}[31m\n\u{202E}")
        expect(time, 64, says: ["invalid value 'x\\x1b[31m\\n\\u{202e}' for --since: unknown form; expected a time like"])
    }

    @Test(
        "No log at that place is 66",
        arguments: ["events", "stats", "status", "prometheus", "verify", "recover", "rebuild", "privacy-report"])
    func noLog(command: String) throws {
        expect(try place.tool.run(command), 66, says: [place.path])
        mkdir(place.path, 0o755)
        expect(try place.tool.run(command), 66, says: [place.path])
        #expect(names(in: place.path).isEmpty, "a reader makes nothing")
        rmdir(place.path)
        try overwrite(place.path, with: [])
        expect(try place.tool.run(command), 66, says: [place.path])
        #expect(try CommandLineTool("/nowhere").run(command, "--dir", place.path).errors.contains(place.path))
    }

    @Test("No permission is 77", arguments: ["events", "stats", "prometheus", "verify", "recover", "privacy-report"])
    func noPermission(command: String) throws {
        guard User.canBeChosen else { return skip("no permission", because: "only root can be another user") }
        let host = try place.server()
        try host.shutDown()
        chmod(place.path, 0o700)
        expect(try CommandLineTool(place.path, user: .nobody).run(command), 77, says: [place.path])
        chmod(place.path, 0o755)
        for name in names(in: place.path) { chmod(place(name), 0o600) }
        expect(try CommandLineTool(place.path, user: .nobody).run(command), 77, says: [place.path])
    }

    @Test(
        "Who may read and not write learns who may",
        arguments: [["prune", "--older-than", "1s"], ["forget", "--user", "a"], ["rebuild"], ["recover"]])
    func readersDoNotWrite(words: [String]) throws {
        guard User.canBeChosen else { return skip("no permission", because: "only root can be another user") }
        let host = try place.server()
        try host.ask("auth user=text:a ok=1")
        try host.shutDown()
        place.letEverybodyRead()
        let outcome = try CommandLineTool(place.path, user: .nobody).run(words)
        expect(outcome, 77, says: ["run this as the server's user or root"])
        #expect(try place.tool.count() == 1)
    }

    @Test("A damaged log is 1", arguments: ["events", "stats", "verify"])
    func damagedLog(command: String) throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        try host.shutDown()
        try overwrite(place("events.db"), with: [UInt8](repeating: 0x41, count: 20000))
        expect(try place.tool.run(command), 1, says: ["events.db"])
    }

    @Test func helpAndVersionAreNoErrors() throws {
        for arguments in [["--help"], ["--version"], ["events", "--help"], ["help", "verify"], ["prometheus", "-h"]] {
            let outcome = try place.tool.run(arguments)
            #expect(outcome.status == 0 && outcome.errors.isEmpty && !outcome.output.isEmpty, "\(arguments)")
        }
        let commands = [
            "events", "stats", "top", "status", "prometheus", "verify", "recover", "prune", "forget", "rebuild", "privacy-report",
            "doctor", "demo",
        ]
        for command in commands + ["count", "whois", "serve", "backfill", "ship", ""] {
            let help = try place.tool.run((command.isEmpty ? [] : [command]) + ["--help"]).text
            // No example is broken, so that it can be pasted.
            let examples = try #require(help.range(of: "EXAMPLES\n")?.upperBound, "\(command)")
            for line in help[examples...].split(separator: "\n").prefix(while: { !$0.hasPrefix("USAGE") }) {
                #expect((line.hasPrefix("  ") || line.hasSuffix(":")) && line.count < 80, "\(command): \(line)")
            }
        }
        let overview = try place.tool.run("--help").text
        for group in ["QUERY", "HEALTH", "EXPORT", "MAINTENANCE"] { #expect(overview.contains("\n\(group) SUBCOMMANDS:\n")) }
    }

    @Test func aMissingLogSaysWhereItWasLookedForAndWhatSetsThePlace() throws {
        let outcome = try run([BuiltProducts.commandLine, "events"], directory: place.temporary.path)
        expect(outcome, 66, says: [place.temporary.path + "/qpc-metrics-data", "--dir", "QPC_METRICS_PLUGIN_DIR"])
    }

    @Test func theDirectoryIsThatOfTheOptionThenOfTheVariable() throws {
        let other = Fixture.plain.place.path
        #expect(try place.tool.run("events", "-c", "--dir", other).text == "\(Fixture.plain.events.count)\n")
        #expect(try CommandLineTool(other).count() == UInt64(Fixture.plain.events.count))
    }
}

import Foundation
import TestSupport
import Testing

/// `events` through a pager, and only where a person would want one.
@Suite struct PagerTests {
    private func onTerminal(
        _ words: String..., environment: [String: String], expecting status: Int32 = 0
    ) throws -> [String] {
        let all = [BuiltProducts.commandLine, "events", "--dir", Fixture.plain.place.path] + words
        var variables = ["TERM": "xterm", "SHELL": "/bin/sh", "NO_COLOR": "1"]
        for (name, value) in environment { variables[name] = value }
        let outcome = try run(
            ["script", "-qefc", "stty columns 100 rows 50; " + all.map { "'\($0)'" }.joined(separator: " "), "/dev/null"],
            environment: variables)
        #expect(outcome.status == status, "\(outcome.text)")
        return outcome.lines.map { $0.trimmingCharacters(in: ["\r"]) }
    }

    @Test func thePagerOfTheEnvironmentGetsWhatTheTerminalWouldHave() throws {
        let direct = try onTerminal("-n", "40", "--no-pager", environment: ["PAGER": "sed s/^/P:/"])
        #expect(direct.count >= 40 && direct.allSatisfy { !$0.hasPrefix("P:") && $0.count <= 100 })
        #expect(try onTerminal("-n", "40", environment: ["PAGER": "sed s/^/P:/"]) == direct.map { "P:" + $0 })
        let own = ["QPC_METRICS_PAGER": "sed s/^/Q:/", "PAGER": "sed s/^/P:/"]
        #expect(try onTerminal("-n", "40", environment: own) == direct.map { "Q:" + $0 })
        for none in ["", "cat"] {
            #expect(try onTerminal("-n", "40", environment: ["QPC_METRICS_PAGER": none, "PAGER": "sed s/^/P:/"]) == direct)
        }
        #expect(try onTerminal("-n", "40", environment: ["TERM": "dumb", "PAGER": "sed s/^/P:/"]) == direct)
        // less ends by itself when everything fits, and leaves it on the screen.
        if try shell("command -v less").status == 0 {
            let less = try onTerminal("-n", "5", environment: ["PATH": "/usr/bin:/bin"])
            #expect(less.filter { $0.contains(":") }.count >= 5, "\(less)")
        }
    }

    @Test func aPipeAndACountHaveNone() throws {
        let tool = Fixture.plain.place.tool
        let outcome = try tool.run(["events", "-n", "3", "-o", "ndjson"], environment: ["PAGER": "sed s/^/P:/"])
        #expect(outcome.status == 0 && outcome.lines.count == 3 && outcome.lines.allSatisfy { $0.hasPrefix("{") })
        #expect(try onTerminal("-c", environment: ["PAGER": "sed s/^/P:/"]) == ["\(Fixture.plain.events.count)"])
        // Without an event there is nothing to page.
        let none = try onTerminal("--user", "nobody at all", environment: ["PAGER": "sed s/^/P:/"])
        #expect(none.count == 1 && none[0].contains("no such user in the log"))
    }

    @Test func quittingItEarlyIsNoFailureAndAMissingOneIs() throws {
        // More than a pipe holds.
        #expect(try onTerminal("-o", "ndjson", environment: ["PAGER": "head -n 1"]).count == 1)
        let missing = try onTerminal(environment: ["PAGER": "/nowhere/pager"], expecting: 1)
        #expect(missing.last?.contains("cannot run the pager '/nowhere/pager'; set PAGER, or use --no-pager") == true)
    }
}

import Foundation
import TestSupport
import Testing

/// The command that newcomers run first.
@Suite struct DemoTests {
    let place = TemporaryDirectory()

    private func demo(_ words: String...) throws -> Outcome {
        try run([BuiltProducts.commandLine, "demo"] + words, environment: ["TMPDIR": place.path])
    }

    /// The number in front of some words.
    private func number(before words: String, in text: String) throws -> UInt64 {
        let end = try #require(text.range(of: words)?.lowerBound, "\(words): \(text)")
        let digits = text[..<end].reversed().prefix { $0.isNumber || $0 == "," }.reversed()
        return try #require(UInt64(String(digits).replacing(",", with: "")))
    }

    @Test func itTellsItsStoryOnOneScreenAndLeavesTheDirectory() throws {
        let demo = try demo("--events", "3000")
        #expect(demo.status == 0 && demo.errors.isEmpty, "\(demo.errors)")
        for words in [
            "somebody guessing passwords at 03:00", "alice is ", "invalid credentials", "rate limited", "killed with SIGKILL",
            "ledger: exact", "log: sound", "qpc_hook_calls_total{hook=\"auth\"}", "export QPC_METRICS_PLUGIN_DIR=", "rm -r ",
        ] { #expect(demo.text.contains(words), "\(words)") }
        #expect(demo.lines.count < 100, "\(demo.lines.count)")
        // These agree exactly: what the server says, the equation, and the log.
        let returned = try number(before: " events recorded when it died", in: demo.text)
        let day = try number(before: " of the day + ", in: demo.text)
        let server = try number(before: " of this server", in: demo.text)
        let inLog = try number(before: " in the log +", in: demo.text)
        let dropped = try number(before: " dropped\n", in: demo.text)
        #expect(returned >= 3000 && server >= returned && server <= returned + 4 * 24, "\(demo.text)")
        #expect(day + server == inLog + dropped)
        let kept = names(in: place.path)
        try #require(kept.count == 1)
        let tool = CommandLineTool(place(kept[0]))
        try tool.verify()
        #expect(try tool.count() == inLog)
        #expect(try tool.rows().allSatisfy { $0 > 0 })
        // The attack lies within its hour and in the past.
        let guesses = try tool.events("--user", "alice", "--failed", "--reason", "invalid credentials")
        #expect(guesses.count > 200)
        let text = try shell(demo.lines.filter { $0.hasPrefix("export ") || $0.hasPrefix("rm -r ") }.joined(separator: "\n"))
        #expect(text.status == 0 && names(in: place.path).isEmpty)
    }

    @Test func removeLeavesNothing() throws {
        #expect(try demo("--events", "200", "--remove").status == 0)
        #expect(names(in: place.path).isEmpty)
    }

    @Test("An interruption and a reader who has gone leave nothing", arguments: [SIGINT, SIGTERM, SIGHUP])
    func interrupted(signal: Int32) throws {
        let command = try ChildProcess(
            [BuiltProducts.commandLine, "demo", "--events", "2000000000"], environment: ["TMPDIR": place.path],
            errorFile: place("errors"))
        try eventually("its server is killed later") {
            try command.line(within: 60)?.contains("killed with SIGKILL") == true
        }
        try eventually("its server runs") { try shell("pgrep -P \(command.pid)").status == 0 }
        let child = try shell("pgrep -P \(command.pid)").lines.first ?? ""
        command.kill(signal)
        #expect(command.wait() == -signal)
        #expect(names(in: place.path) == ["errors"])
        try eventually("its server has gone") { try shell("kill -0 \(child)").status != 0 }
    }

    @Test func aClosedPipeLeavesNothing() throws {
        let outcome = try shell(
            "'\(BuiltProducts.commandLine)' demo --events 500 | head -n 2; exit ${PIPESTATUS[0]}",
            environment: ["TMPDIR": place.path])
        #expect(outcome.lines.count <= 2 && outcome.status == 141, "\(outcome.status)")
        #expect(names(in: place.path).isEmpty)
    }

    @Test func liveGoesOnWithAServerThatEndsWithIt() throws {
        let command = try ChildProcess(
            [BuiltProducts.commandLine, "demo", "--events", "200", "--live"], environment: ["TMPDIR": place.path],
            errorFile: place("errors"))
        // `top` needs a terminal, and says so; its server ends with it, and the directory stays.
        #expect(command.wait() == 64)
        let directory = try #require(names(in: place.path).first { $0 != "errors" })
        try eventually("its server has gone") {
            try !CommandLineTool(place(directory)).run("status").text.contains("up, process")
        }
        let calls = try CommandLineTool(place(directory)).exposition().sum("qpc_plugin_events_recorded_total")
        #expect(try calls > (CommandLineTool(place(directory)).count()) || calls > 28_000)
        let both = try demo("--serve", "--live")
        #expect(both.status == 64 && both.errors.contains("cannot be combined"))
    }

    @Test func demoSaysWhenThereIsNoPlugin() throws {
        let demo = try demo("--plugin", place("none.so"))
        #expect(demo.status == 66 && demo.errorLines.count == 1, "\(demo.errors)")
    }
}

import Foundation
import TestSupport
import Testing

/// `top` in a pseudo-terminal made by script(1).
@Suite struct TopTests {
    let place = DataPlace()
    private let enter = "\u{1B}[?1049h"
    private let leave = "\u{1B}[?1049l"

    /// Runs it, and reports how it ended and whether the terminal was restored.
    private func top(
        columns: Int = 80, rows: Int = 24, environment: [String: String] = [:], isStopped: Bool = false,
        names: String? = nil
    ) throws -> ChildProcess {
        let list = names.map { " --names " + $0 } ?? ""
        let goesOn = "[ \"$(stty -g)\" = \"$before\" ] && echo MEANWHILE as before; fg; "
        let line =
            "stty columns \(columns) rows \(rows); before=$(stty -g); trap : INT; "
            + (isStopped ? "set -m; " : "")
            + "sh -c 'echo AT $(tty); echo PID $$; exec \(BuiltProducts.commandLine) top --dir \(place.path)\(list)'; "
            + (isStopped ? goesOn : "") + "status=$?; "
            + "[ \"$(stty -g)\" = \"$before\" ] && echo \"RESTORED $status\""
        try overwrite(place.temporary("said"), with: [])
        var variables = ["TERM": "xterm-256color", "SHELL": "/bin/sh"]
        for (name, value) in environment { variables[name] = value }
        return try ChildProcess(
            ["script", "-qfec", line, "/dev/null"], environment: variables, errorFile: place.temporary("said"))
    }

    /// The first line that contains the text, without its line end.
    @discardableResult private func line(_ child: ChildProcess, with text: String) throws -> String {
        var seen: [String] = []
        while let line = try child.line(within: ServerHost.patience) {
            if line.contains(text) { return line.trimmingCharacters(in: ["\r"]) }
            seen.append(line)
        }
        throw TestFailure("no line has \(text): \(seen.suffix(30).joined(separator: "\n"))")
    }

    /// The alternate screen is left, and the terminal's settings are the ones from before.
    private func expectEnd(_ child: ChildProcess, status: Int) throws {
        var isLeft = false
        while let line = try child.line(within: ServerHost.patience) {
            isLeft = isLeft || line.contains(leave)
            guard line.contains("RESTORED") else { continue }
            #expect(isLeft && line.trimmingCharacters(in: ["\r"]).hasSuffix("RESTORED \(status)"), "\(line)")
            return
        }
        throw TestFailure("it did not end, or the terminal's settings are not those from before")
    }

    private func word(_ child: ChildProcess, after name: String) throws -> String {
        String(try line(child, with: name + " ").split(separator: " ").last ?? "")
    }

    @Test func itShowsARunningServerAndQuits() throws {
        let host = try place.server()
        try host.ask(all: (0..<50).map { "auth user=text:u\($0) ok=0 reason=text:invalid%20credentials" })
        let child = try top()
        try line(child, with: enter)
        let failures = try line(child, with: "credentials")
        #expect(failures.contains(" 50"), "\(failures)")
        try child.send("q")
        try expectEnd(child, status: 0)
        try host.shutDown()
    }

    @Test func theTerminalIsGivenBackAndTheStatusIsTheConventionalOne() throws {
        let host = try place.server()
        for (signal, status) in [(SIGTERM, 143), (SIGHUP, 129), (SIGINT, 130)] {
            let child = try top()
            let pid = Int32(try word(child, after: "PID")) ?? 0
            try line(child, with: "EVENTS")
            kill(pid, signal)
            try expectEnd(child, status: status)
        }
        let quit = try top()
        try line(quit, with: "EVENTS")
        try quit.send("q")
        try expectEnd(quit, status: 0)
        let interrupted = try top()
        try line(interrupted, with: "EVENTS")
        try interrupted.send("\u{03}")
        try expectEnd(interrupted, status: 130)
        try host.shutDown()
    }

    @Test func aStopGivesTheTerminalBackAndTakesItAgain() throws {
        let host = try place.server()
        let child = try top(isStopped: true)
        let pid = Int32(try word(child, after: "PID")) ?? 0
        try line(child, with: "EVENTS")
        kill(pid, SIGTSTP)
        // Meanwhile the shell has the terminal; then it resumes `top`.
        let settings = try line(child, with: "MEANWHILE")
        #expect(settings.contains("as before"))
        try line(child, with: "EVENTS")
        try child.send("q")
        try expectEnd(child, status: 0)
        try host.shutDown()
    }

    @Test func aSmallTerminalIsFilledAndALargerOneUsed() throws {
        let host = try place.server()
        let child = try top(columns: 40, rows: 10)
        let terminal = try word(child, after: "AT")
        try line(child, with: "EVENTS")
        #expect(try TestSupport.run(["stty", "-F", terminal, "columns", "120", "rows", "50"]).status == 0)
        // This is below the tenth row, and only wide terminals have room for it.
        try line(child, with: "P99")
        try line(child, with: "RINGS")
        try child.send("q")
        try expectEnd(child, status: 0)
        try host.shutDown()
    }

    @Test func itSeesServersGoAndCome() throws {
        let host = try place.server()
        let child = try top()
        try line(child, with: "up ")
        host.kill()
        try line(child, with: "DOWN, died")
        let again = try place.server()
        try line(child, with: "up ")
        try child.send("q")
        try line(child, with: "RESTORED")
        try again.shutDown()
    }

    @Test func noColorIsHeeded() throws {
        let host = try place.server()
        for (environment, isColored) in [([:], true), (["NO_COLOR": "1"], false)] {
            let child = try top(environment: environment)
            let header = try line(child, with: "up ")
            #expect(header.contains("\u{1B}[32m") == isColored)
            try child.send("q")
            try line(child, with: "RESTORED")
        }
        try host.shutDown()
    }

    @Test func aPipeIsRefusedAndGetsOneScreenInstead() throws {
        let host = try place.server()
        let refused = try place.tool.run("top")
        #expect(refused.status == 64 && refused.errorLines.count == 1 && refused.errors.contains("--once"))
        for option in ["--once", "-b"] {
            let screen = try place.tool.succeed("top", option)
            #expect(screen.text.contains("EVENTS") && screen.text.contains("RINGS") && !screen.text.contains("\u{1B}"))
        }
        try host.shutDown()
        #expect(try place.tool.succeed("top", "--once").text.contains("DOWN, shut down"))
    }

    @Test func whoFailsAndWhoIsBusyIsNamed() throws {
        let host = try place.server()
        let key = String(repeating: "0a1b2c3d", count: 8)
        try host.ask("register user=text:carol identity=\(key)")
        try host.ask(all: (0..<30).map { "auth user=text:\($0 % 3 == 0 ? "bob" : "alice") ok=0 reason=text:credentials" })
        try host.ask(all: (0..<40).map { "message sender=\(key) recipient=\(key) channel=\(key.prefix(32)) bytes=9 seq=\($0)" })
        try eventually("they are in the log") { try place.tool.count() == 71 }
        try overwrite(place.temporary("names"), with: Array("alice\ncarol\ndora\n".utf8))
        let names = place.temporary("names")

        let screen = try place.tool.succeed("top", "--once", "--names", names).lines
        let failing = try #require(screen.firstIndex { $0.hasPrefix("FAILED LOGINS BY USER") })
        #expect(screen[failing + 1].hasSuffix("… (alice)") && screen[failing + 1].contains(" 20 "), "\(screen)")
        #expect(screen[failing + 2].hasSuffix("…") && screen[failing + 2].contains(" 10 "), "\(screen)")
        let busiest = try #require(screen.firstIndex { $0.hasPrefix("BUSIEST IDENTITIES") })
        #expect(screen[busiest + 1].hasSuffix("… (carol)"), "\(screen)")
        #expect(try !place.tool.succeed("top", "--once").text.contains("alice"))

        let child = try top(rows: 40, names: names)
        try line(child, with: "… (alice)")
        try line(child, with: "… (carol)")
        // Registered while it runs.
        let other = String(repeating: "3d2c1b0a", count: 8)
        try host.ask("register user=text:dora identity=\(other)")
        try host.ask(
            all: (0..<60).map { "message sender=\(other) recipient=\(other) channel=\(key.prefix(32)) bytes=9 seq=\($0)" })
        try line(child, with: "… (dora)")
        try child.send("q")
        try expectEnd(child, status: 0)
        // Said before the terminal is taken.
        let missing = try top(names: "/nowhere/names")
        let said = try line(missing, with: "RESTORED")
        #expect(said.hasSuffix("RESTORED 66"), "\(said)")
        #expect(String(decoding: try read(place.temporary("said")), as: UTF8.self).isEmpty)
        try host.shutDown()
    }

    /// Sizes and waits are values, not bounds of buckets that are four times as wide as the one below.
    @Test func percentilesArePercentiles() throws {
        let host = try place.server()
        let key = String(repeating: "0a1b2c3d", count: 8)
        // Of 199 sizes, from 1,000 bytes in steps of 100, number 100 is 10,900 and number 198 is 20,700.
        try host.ask(
            all: (0..<199).map {
                "message sender=\(key) recipient=\(key) channel=\(key.prefix(32)) bytes=\(1000 + 100 * $0) seq=\($0)"
            })
        try eventually("they are in the log") { try place.tool.count() == 199 }

        let screen = try place.tool.succeed("top", "--once").lines
        let sizes = try #require(screen.first { $0.hasPrefix("payload single") })
        let words = sizes.split(separator: " ")
        #expect(words.suffix(4).count == 4 && words[words.count - 1] == "KiB" && words[words.count - 3] == "KiB", "\(sizes)")
        let shown = [words[words.count - 4], words[words.count - 2]].compactMap { Double($0) }
        #expect(shown.count == 2, "\(sizes)")
        for (value, exact) in zip(shown, [10_900.0, 20_700.0]) { #expect(abs(value * 1024 / exact - 1) < 0.07, "\(sizes)") }
        // Nothing was fetched, and nothing batched.
        #expect(screen.contains { $0.hasPrefix("payload batch") && $0.hasSuffix("-        -") }, "\(screen)")
        try host.shutDown()
    }

    @Test func whereNothingEverRanThereIsNoInput() throws {
        let outcome = try place.tool.run("top", "--once")
        #expect(outcome.status == 66 && outcome.errors.contains(place.path))
    }
}

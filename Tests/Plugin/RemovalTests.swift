import Foundation
import TestSupport
import Testing

/// Events that leave the log, by age, by size or on request, and people who are forgotten, as an attacker would see it.
@Suite struct RemovalTests {
    let place = DataPlace()

    private static let bob = "Bob-the-Builder"
    private static let bobKey = (0..<32).map { UInt8(truncatingIfNeeded: 0x31 &+ $0 * 7) }
    private static let bobChannel = (0..<16).map { UInt8(truncatingIfNeeded: 0xC3 &+ $0 * 5) }

    /// What somebody else does who has nothing to do with Alice.
    private static func actBob(_ host: ServerHost) throws {
        try host.ask("register user=text:\(bob) identity=\(hex(bobKey))")
        try host.ask("auth user=text:\(bob) ok=0 reason=text:wrong%20password")
        try host.ask("message sender=\(hex(bobKey)) recipient=\(hex(bobKey)) channel=\(hex(bobChannel)) bytes=9 seq=7")
    }

    /// Alice's secrets, including her pseudonyms under the log's key.
    private func secrets() throws -> [Attacker.Secret] {
        var secrets = [Attacker.Secret(name: AttackerTests.alice), Attacker.Secret("her key", bytes: AttackerTests.keys[0])]
        let hers = try place.tool.events("--user", AttackerTests.alice, "--kind", "user_registered")
        for event in hers {
            for field in ["user", "identity"] {
                if let value = event[field]?.text, value.count == 32 {
                    secrets.append(try Attacker.Secret("her pseudonym as \(field)", hexadecimal: value))
                }
            }
        }
        return secrets
    }

    // MARK: Erasure

    @Test("Events that still wait in a ring are forgotten too", arguments: ["pseudonym", "plain"], [true, false])
    func forgetPending(mode: String, isRunning: Bool) throws {
        // No flush happens by itself.
        let host = try place.server(["IDENTITIES": mode, "FLUSH_INTERVAL": "1h", "KEY_ROTATION": "off"])
        try AttackerTests.act(host)
        try Self.actBob(host)
        let secrets = [Attacker.Secret(name: AttackerTests.alice), Attacker.Secret("her key", bytes: AttackerTests.keys[0])]
        #expect(try !Attacker.finds(secrets, in: place.path).isEmpty, "she is in no ring")
        if !isRunning { host.kill() }
        let said = try place.tool.succeed("forget", "--user", AttackerTests.alice).text
        #expect(said == "6 events removed, under 1 user name and 1 key\n")
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        if isRunning { try host.shutDown() }
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty, "she came back with a later flush")
        #expect(try place.tool.count("--user", AttackerTests.alice) == 0)
        #expect(try place.tool.count("--user", Self.bob, "--login-only") == 2)
        try place.tool.verify()
    }

    @Test("A person leaves every file", arguments: ["pseudonym", "plain"], [true, false])
    func forget(mode: String, isRunning: Bool) throws {
        let host = try place.server(["IDENTITIES": mode])
        try AttackerTests.act(host)
        try Self.actBob(host)
        try host.ask("shutdown")
        let secrets = try secrets()
        #expect(try !Attacker.finds(secrets, in: place.path).isEmpty, "there is nothing to forget")
        let before = try place.tool.exposition()
        if !isRunning { try host.shutDown() }

        let said = try place.tool.succeed("forget", "--user", AttackerTests.alice).text
        // Two of her logins and registrations, and every row of her key: a channel, a message, two of the batch.
        #expect(said == "6 events removed, under 1 user name and 1 key\n")
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        #expect(try place.tool.count("--user", AttackerTests.alice) == 0)
        #expect(try place.tool.count("--identity", hex(AttackerTests.keys[0])) == 0)
        // Her partner's fetch stays, and so does everything of Bob's.
        #expect(try place.tool.count("--kind", "fetch") == 1)
        #expect(try place.tool.count("--user", Self.bob, "--login-only") == 2)
        #expect(try place.tool.count("--identity", hex(Self.bobKey)) == 2)

        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.removed) == [1, 2, 1, 1, 0, 1])
        let after = try place.tool.exposition()
        for name in ["qpc_hook_calls_total", "qpc_plugin_events_recorded_total", "qpc_plugin_events_written_total"] {
            #expect(after.sum(name) == before.sum(name), "\(name)")
        }
        #expect(after.sum("qpc_plugin_events_removed_total") == 6)

        // She is gone, and the log no longer knows her.
        let again = try place.tool.run("forget", "--user", AttackerTests.alice)
        #expect(again.status == 1 && again.errors.contains("no such name in the log"))
        if isRunning {
            // A person who goes on talking is recorded again.
            try AttackerTests.act(host)
            try host.shutDown()
            #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 2)
            try place.tool.verify()
        }
    }

    @Test func aKeyLeadsToItsUser() throws {
        let host = try place.server()
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let secrets = try secrets()
        let said = try place.tool.succeed("forget", "--identity", hex(AttackerTests.keys[0])).text
        #expect(said == "6 events removed, under 1 user name and 1 key\n")
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        try host.shutDown()
    }

    /// By the pseudonym alone, as someone would who has an export and no name.
    @Test func aPseudonymIsEnough() throws {
        let host = try place.server()
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let event = try #require(try place.tool.events("--kind", "user_registered").first)
        let pseudonym = try #require(event["user"]?.text)
        let said = try place.tool.succeed("forget", "--user", pseudonym).text
        #expect(said == "6 events removed, under 1 user name and 1 key\n")
        try host.shutDown()
        try place.tool.verify()
    }

    /// Over several indexed segments: sums and postings stay right.
    @Test func aPersonOfManySegments() throws {
        let host = try place.server(["LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=2 calls=90000 seed=3 wait=1")
        for _ in 0..<3 {
            try AttackerTests.act(host)
            _ = try host.tally("drive threads=2 calls=30000 seed=4 wait=1")
        }
        try host.ask("shutdown")
        let secrets = try secrets()
        #expect(try SQLiteShell(place.path).query("SELECT count(*) >= 2 FROM segment") == [["1"]])
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 6)
        _ = try place.tool.succeed("forget", "--user", AttackerTests.alice)
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        try place.tool.verify()
        try host.shutDown()
    }

    // MARK: Retention

    @Test("prune leaves no name of what it removed", arguments: ["pseudonym", "plain"], [true, false])
    func prune(mode: String, isRunning: Bool) throws {
        let host = try place.server(["IDENTITIES": mode])
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let secrets = try secrets() + AttackerTests.secrets
        if !isRunning { try host.shutDown() }
        let said = try place.tool.succeed("prune", "--all").text
        #expect(said.hasPrefix("7 events removed, and "))
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        #expect(try place.tool.count() == 0)
        #expect(try place.tool.verify().lines.map(\.removed) == [1, 2, 1, 1, 1, 1])
        if isRunning { try host.shutDown() }
    }

    @Test func eventsBeyondTheAgeLimitLeave() throws {
        let host = try place.server(["RETENTION": "2s", "IDENTITIES": "plain"])
        try AttackerTests.act(host)
        try host.ask("shutdown")
        #expect(try place.tool.count() == 7)
        try eventually("what is two seconds old leaves") { try place.tool.count() == 0 }
        try eventually("and so do its names") { try Attacker.finds(AttackerTests.secrets, in: place.path).isEmpty }
        try Self.actBob(host)
        try host.shutDown()
        try place.tool.verify()
    }

    @Test func theLogStaysWithinItsSizeLimit() throws {
        let host = try place.server(["MAX_SIZE": "2MiB", "FLUSH_INTERVAL": "20ms"])
        let tally = try host.tally("drive threads=2 calls=100000 seed=9 pause_us=10 wait=1")
        try host.ask("shutdown")
        try eventually("the log is no larger than its cap") {
            let pages = try SQLiteShell(place.path).query("PRAGMA page_count")
            return UInt64(pages[0][0])! * 4096 <= 2 << 20
        }
        let rows = try place.tool.rows().reduce(0, +)
        #expect(rows > 10_000, "more left than had to")
        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.recorded).reduce(0, +) == tally.events.reduce(0, +))
        #expect(ledger.lines.map(\.removed).reduce(0, +) == tally.events.reduce(0, +) - rows)
        try host.shutDown()
        let bytes = try #require(fileSize(place("events.db")))
        #expect(bytes <= 2 << 20)
        try place.tool.verify()
    }

    /// The oldest half of a segment, and whole segments before it; the rest answers as before.
    @Test func halfASegmentLeaves() throws {
        let host = try place.server(["LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=1 calls=150000 seed=5 wait=1")
        try host.shutDown()
        let size = try #require(fileSize(place("events.db")))
        _ = try place.tool.succeed("prune", "--max-size", "\(size / 2)")
        let left = try #require(fileSize(place("events.db")))
        #expect(left <= size / 2)
        try place.tool.verify()
        // Lookups agree with the rows.
        let shell = SQLiteShell(place.path)
        let channel = try shell.query(
            "SELECT channel, count(*) FROM events WHERE channel IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1")[0]
        #expect(try place.tool.count("--channel", channel[0]) == UInt64(channel[1]))
        let oldest = try shell.query("SELECT min(id) FROM events")
        let first = try #require(UInt64(oldest[0][0]))
        let ids = try place.tool.events("--channel", channel[0]).compactMap { $0["id"]?.number }
        #expect(ids.allSatisfy { $0 >= first })
    }

    /// A kill in the middle of pruning: what is gone is counted, what is there is there.
    @Test func aKillWhilePruningLosesNothingElse() throws {
        let host = try place.server(["LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=2 calls=150000 seed=6 wait=1")
        try host.ask("shutdown")
        let errors = place.temporary("errors")
        let command = try ChildProcess(
            [BuiltProducts.commandLine, "prune", "--all", "--dir", place.path], errorFile: errors)
        try eventually("some have left") { try place.tool.count() < 280_000 }
        host.kill()
        if command.wait() != 0 {
            #expect(try String(contentsOfFile: errors, encoding: .utf8).contains("ended before it was done"))
        }
        let next = try place.server()
        try place.tool.verify()
        _ = try place.tool.succeed("prune", "--all")
        #expect(try place.tool.count() == 0)
        try next.shutDown()
        try place.tool.verify()
    }

    /// Who asks and goes away before the work has begun has been told that it failed: it is not done later.
    @Test func aRequestWhoseAskerHasGoneIsNotCarriedOut() throws {
        let host = try place.server()
        try AttackerTests.act(host)
        try host.ask("shutdown")
        kill(host.process.pid, SIGSTOP)
        let program = """
            import socket, struct, sys
            asker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            asker.connect(sys.argv[1])
            asker.send(struct.pack("<IIIIqq", 0x43435051, 1, 1, 0, 2**63 - 1, -1).ljust(320, b"\\0"))
            """
        let asked = try run(["python3", "-c", program, place("control.sock")])
        #expect(asked.status == 0, "\(asked.errors)")
        kill(host.process.pid, SIGCONT)
        // The next request is answered after that one.
        _ = try place.tool.succeed("prune", "--older-than", "1d", "--yes")
        #expect(try place.tool.count() == 7)
        #expect(host.errorLines.filter { $0.contains("requested by") }.count == 1, "\(host.errors)")
        try host.shutDown()
        try place.tool.verify()
    }

    /// `events` into a pager that is left open: it waits between two transactions, and holds nothing.
    @Test func aReaderWhoPausesHoldsNothing() throws {
        let host = try place.server(["LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=2 calls=50000 seed=8 wait=1")
        try host.ask("shutdown")
        let pager = try ChildProcess(
            [BuiltProducts.commandLine, "events", "-o", "ndjson", "--dir", place.path],
            errorFile: place.temporary("errors"))
        let first = try pager.line(within: 60)
        #expect(first?.hasPrefix("{\"id\":1,") == true)
        // It has filled the pipe and waits. If its transaction were open, this could not empty the WAL.
        _ = try place.tool.succeed("prune", "--all")
        #expect(fileSize(place("events.db-wal")) == 0)
        pager.kill()
        pager.wait()
        try host.shutDown()
        try place.tool.verify()
    }

    // MARK: What is said before and after

    private func receipt(_ arguments: String...) throws -> [String: Any] {
        let text = try place.tool.succeed(arguments + ["-o", "json"]).text
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("A dry run tells what would go, and nothing goes", arguments: ["pseudonym", "plain"])
    func dryRun(mode: String) throws {
        let host = try place.server(["IDENTITIES": mode])
        try AttackerTests.act(host)
        try Self.actBob(host)
        try host.ask("shutdown")
        let all = try place.tool.succeed("prune", "--all", "--dry-run").text
        #expect(all.hasPrefix("prune will remove 10 of 10 events:\n  message_enqueue   2\n"), "\(all)")
        let hers = try place.tool.succeed("forget", "--user", AttackerTests.alice, "--dry-run").text
        #expect(hers.hasPrefix("forget will remove 6 of 10 events, under 1 user name and 1 key:\n"), "\(hers)")
        let old = try place.tool.succeed("prune", "--older-than", "1h", "--dry-run").text
        #expect(old == "prune: none of the 10 events in the log would be removed\n")
        let planned = try receipt("forget", "--identity", hex(AttackerTests.keys[0]), "--dry-run")
        #expect(planned["events"] as? Int == 6 && planned["dry_run"] as? Bool == true)
        let nobody = try place.tool.run("forget", "--user", "nobody", "--dry-run")
        #expect(nobody.status == 1 && nobody.errors.contains("no such name in the log"))
        #expect(try place.tool.count() == 10)

        let done = try receipt("forget", "--user", AttackerTests.alice)
        #expect(done["events"] as? Int == 6 && done["users"] as? Int == 1 && done["complete"] as? Bool == true)
        #expect(done["removed"] as? [String: Int] == planned["removed"] as? [String: Int])
        #expect(try place.tool.count() == 4)
        try host.shutDown()
        let line = try #require(host.errorLines.first { $0.contains("forget, requested by user ") })
        #expect(line.contains(", process ") && line.hasSuffix(": 6 events removed"), "\(line)")
    }

    @Test func theEstimateOfASizeIsNear() throws {
        let host = try place.server(["LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=1 calls=150000 seed=5 wait=1")
        try host.shutDown()
        let size = try #require(fileSize(place("events.db")))
        let planned = try #require(try receipt("prune", "--max-size", "\(size / 2)", "--dry-run")["events"] as? Int)
        let done = try #require(try receipt("prune", "--max-size", "\(size / 2)")["events"] as? Int)
        #expect(abs(planned - done) < done / 4, "\(planned) planned, \(done) done")
    }

    @Test("On a terminal it asks", arguments: [("y", true), ("n", false), ("", false)])
    func question(answer: String, isRemoved: Bool) throws {
        let host = try place.server()
        try Self.actBob(host)
        try host.shutDown()
        let command = "\(BuiltProducts.commandLine) prune --all --dir \(place.path)"
        let said = try run(["script", "-qec", command, "/dev/null"], input: answer + "\n")
        #expect(said.text.contains("prune will remove 3 of 3 events:"), "\(said.text)")
        #expect(said.text.contains("Remove them? [y/N]"))
        #expect(said.text.contains(isRemoved ? "3 events removed" : "nothing was removed"), "\(said.text)")
        #expect(said.status == (isRemoved ? 0 : 1))
        #expect(try place.tool.count() == (isRemoved ? 0 : 3))
    }

    @Test("A reader in the way is named at once", arguments: [true, false])
    func readerInTheWay(isRunning: Bool) throws {
        let host = try place.server()
        try Self.actBob(host)
        try host.ask("shutdown")
        let reader = try HeldReader(place.path)
        if !isRunning { try host.shutDown() }
        let errors = place.temporary("errors")
        let command = try ChildProcess(
            [BuiltProducts.commandLine, "prune", "--all", "--dir", place.path], errorFile: errors)
        try eventually("the reader is named") {
            let said = String(decoding: try read(errors), as: UTF8.self)
            return said.contains("process \(reader.pid) (sqlite3) has a transaction open on the log")
        }
        reader.end()
        #expect(command.wait() == 0)
        if isRunning { try host.shutDown() }
        #expect(fileSize(place("events.db-wal")) ?? 0 == 0)
    }

    /// A copy that was put back without its key: no command makes a new one without being asked.
    @Test("Without identity.key no command makes one", arguments: ["prune", "forget", "rebuild", "recover"])
    func copyWithoutKey(command: String) throws {
        let host = try place.server()
        try AttackerTests.act(host)
        try host.shutDown()
        let user = try #require(try place.tool.events("--kind", "user_registered").first?["user"]?.text)
        unlink(place("identity.key"))
        let arguments = ["prune": ["--all"], "forget": ["--user", user]]
        _ = try place.tool.succeed([command] + (arguments[command] ?? []))
        #expect(!names(in: place.path).contains("identity.key"))
        try place.tool.verify()
    }

    @Test func pendingEventsNeedTheKey() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        host.kill()
        unlink(place("identity.key"))
        let outcome = try place.tool.run("recover")
        #expect(outcome.status == 66 && outcome.errors.contains("identity.key is missing"), "\(outcome.errors)")
        #expect(!names(in: place.path).contains("identity.key"))
        let next = try place.server()
        try next.shutDown()
        #expect(try place.tool.count() == 7)
    }

    // MARK: Who may ask

    @Test func badRequestsAreRefused() throws {
        let host = try place.server()
        for (arguments, words) in [
            (["prune"], "needs --older-than"), (["prune", "--older-than", "soon"], "soon"),
            (["prune", "--older-than", "0d"], "1s or more"), (["prune", "--all", "--max-size", "1GiB"], "leave out"),
            (["prune", "--max-size", "much"], "much"), (["prune", "--max-size", "100"], "1MiB or more"),
            (["forget"], "one of --user, --user-file or --identity"),
            (["forget", "--user", ""], "1–256 bytes"), (["forget", "--identity", "xyz"], "hexadecimal digits"),
        ] {
            let outcome = try place.tool.run(arguments)
            #expect(outcome.status == 64 && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
        try host.shutDown()
        let elsewhere = try CommandLineTool(place("nowhere")).run("prune", "--older-than", "1d")
        #expect(elsewhere.status == 66)
    }

    @Test func othersMayNotAsk() throws {
        guard User.canBeChosen else { return skip("another user's request", because: "only root can be another user") }
        let host = try place.server()
        try Self.actBob(host)
        try host.ask("shutdown")
        chmod(place.path, 0o755)
        let outcome = try CommandLineTool(place.path, user: User(uid: 61003, gid: 61003)).run("prune", "--all")
        #expect(outcome.status == 77 || outcome.status == 1, "\(outcome.errors)")
        #expect(try place.tool.count() == 3)
        try host.shutDown()
    }
}

import Foundation
import TestSupport
import Testing

/// A server with an operator's key: what a thief of the machine finds, and what the operator still can do.
@Suite struct OperatorKeyTests {
    let place = DataPlace()

    private var file: String { place.temporary("operator.key") }
    private var keys: String { place("identity.key") }

    private func keygen(_ arguments: String...) throws -> String {
        let outcome = try place.tool.run(["keygen", "--output", file] + arguments)
        guard outcome.status == 0 else { throw TestFailure(outcome.errors) }
        return outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Tries every 32-byte window of every file as a key of pseudonyms.
    ///
    /// Names that are in the log are tried under every window, and `QPC_CANDIDATES` more under every window of the file of keys:
    /// a name that is not in the log could only be found by a collision of 128 bits.
    ///
    /// - Returns: how often a candidate's pseudonym was found in the log. Python's HMAC, and the log as its bytes are.
    private func confirmed(in directory: String) throws -> Int {
        let program = """
            import hashlib, hmac, os, sys
            directory, more, names = sys.argv[1], int(sys.argv[2]), [bytes.fromhex(n) for n in sys.argv[3:]]
            files = {}
            for root, _, found in os.walk(directory):
                for name in found:
                    path = os.path.join(root, name)
                    if os.path.isfile(path): files[path] = open(path, "rb").read()
            log = b"".join(v for k, v in files.items() if "events.db" in k)
            grams = {log[i:i + 16] for i in range(len(log) - 15)}
            def windows(content): return {content[i:i + 32] for i in range(len(content) - 31)}
            inner_pad, outer_pad = bytes(b ^ 0x36 for b in range(256)), bytes(b ^ 0x5c for b in range(256))
            found = 0
            for key in set().union(*map(windows, files.values())):
                padded = key.ljust(64, b"\\0")
                inner, outer = hashlib.sha256(padded.translate(inner_pad)), hashlib.sha256(padded.translate(outer_pad))
                for name in names:
                    one, two = inner.copy(), outer.copy()
                    one.update(name)
                    two.update(one.digest())
                    if two.digest()[:16] in grams: found += 1
            guesses = [b"user-%d" % i for i in range(more)]
            for key in set().union(*(windows(v) for k, v in files.items() if "identity.key" in k)):
                for name in guesses:
                    if hmac.digest(key, name, "sha256")[:16] in grams: found += 1
            print(found)
            """
        let more = BuiltProducts.setting("QPC_CANDIDATES") ?? "2000"
        let names = [hex(AttackerTests.alice.utf8), hex(AttackerTests.keys[0]), hex(AttackerTests.keys[1])]
        let outcome = try run(["python3", "-c", program, directory, more] + names)
        guard outcome.status == 0, let count = Int(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw TestFailure(outcome.errors)
        }
        return count
    }

    private func expectNothing(_ what: String) throws {
        let count = try confirmed(in: place.path)
        #expect(count == 0, "\(what): \(count) names confirmed")
    }

    /// Small files, so that every window can be tried.
    private let small = ["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "10ms"]

    private func sealing(_ key: String) -> [String: String] { small.merging(["OPERATOR_KEY": key]) { $1 } }

    private func session(_ settings: [String: String]) throws {
        let host = try place.server(settings)
        try AttackerTests.act(host)
        try host.shutDown()
    }

    /// Logins of Alice that the operator finds.
    private func logins(_ directory: String? = nil) throws -> String {
        let outcome = try (directory.map { CommandLineTool($0) } ?? place.tool)
            .run("events", "-c", "--user", AttackerTests.alice, "--login-only", "--operator-key", file)
        return outcome.text + outcome.errors
    }

    @Test func nothingOnTheDiskConfirmsANameAndTheOperatorConfirmsAll() throws {
        let key = try keygen()
        #expect(permissions(file) == 0o600 && key.hasPrefix("qpc-operator-"))
        #expect(try place.tool.succeed("keygen", "--public", file).text.contains(key))
        try session(sealing(key))
        let killed = try place.server(sealing(key).merging(["FLUSH_INTERVAL": "1h"]) { $1 })
        try AttackerTests.act(killed)
        killed.kill()
        // What waits in the rings has names as they came, and no key.
        try expectNothing("after a kill")
        _ = try place.tool.succeed("recover")
        try expectNothing("after the recovery by the command")
        try session(sealing(key).merging(["KEY_ROTATION": "1ms"]) { $1 })
        #expect(try read(keys)[8] == 2)
        #expect(try Attacker.finds(AttackerTests.secrets, in: place.path).isEmpty)
        #expect(try logins() == "6\n")
        try expectNothing("after rotations")
        try place.tool.verify()
    }

    @Test func whoeverHasThePrivateKeyCanAskAndNobodyElse() throws {
        let key = try keygen()
        for _ in 0..<2 { try session(sealing(key)) }
        let without = try place.tool.run("events", "-c", "--user", AttackerTests.alice)
        #expect(without.status == 77 && without.errors.contains("sealed to the operator's key"), "\(without.errors)")
        let whois = try place.tool.run("whois", "--user", AttackerTests.alice)
        #expect(whois.status == 77 && whois.errors.contains("--operator-key"), "\(whois.errors)")
        let forget = try place.tool.run("forget", "--user", AttackerTests.alice)
        #expect(forget.status == 77 && forget.errors.contains("--operator-key"), "\(forget.errors)")
        #expect(try logins() == "4\n")
        let identity = hex(AttackerTests.keys[0])
        let byKey = try place.tool.run("events", "-c", "--identity", identity, "--operator-key", file)
        #expect(byKey.text == "10\n", "\(byKey.text)\(byKey.errors)")
        let people = try place.tool.run("whois", "-o", "json", "--user", AttackerTests.alice, "--operator-key", file)
        #expect(people.status == 0 && people.text.contains("\"epoch\":"), "\(people.errors)")
        // On another machine: a copy of the directory, the key from standard input.
        let copy = place.temporary("copy")
        #expect(try shell("cp -a '\(place.path)' '\(copy)'").status == 0)
        let there = try shell(
            "'\(BuiltProducts.commandLine)' events --dir '\(copy)' -c --user \(AttackerTests.alice) --login-only "
                + "--operator-key - < '\(file)'")
        #expect(there.text == "4\n", "\(there.errors)")
        let twice = try place.tool.run("events", "--names", "-", "--operator-key", "-")
        #expect(twice.status == 64, "\(twice.errors)")
        // Another operator's key opens nothing, and says so.
        let foreign = place.temporary("foreign.key")
        #expect(try place.tool.run("keygen", "--output", foreign).status == 0)
        for words in [
            ["events", "-c", "--user", AttackerTests.alice], ["privacy-report"], ["whois", "--user", AttackerTests.alice],
        ] {
            let wrong = try place.tool.run(words + ["--operator-key", foreign])
            #expect(wrong.status == 77 && wrong.errors.contains("another operator's key, \(key)"), "\(words): \(wrong.errors)")
        }
        #expect(try place.tool.succeed("privacy-report").text.contains("sealed to the operator's key"))
        #expect(try place.tool.succeed("privacy-report", "-o", "json").text.contains("\"key_file\":\"sealed\""))
        #expect(try place.tool.succeed("privacy-report", "--operator-key", file).text.contains("back to"))
        #expect(try place.tool.run("status").text.contains("sealed to the operator's key"))
    }

    @Test func aRunningServerIsAskedForTheEpochUnderWay() throws {
        let key = try keygen()
        try session(sealing(key))
        let host = try place.server(sealing(key))
        try AttackerTests.act(host)
        try eventually("the events are in the log") { try place.tool.count() == 14 }
        let asked = try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only")
        #expect(asked.status == 0 && asked.text == "2\n", "\(asked.text)\(asked.errors)")
        #expect(asked.errors.contains("note: names cannot be looked up in 1 key epoch,"), "\(asked.errors)")
        let identity = try place.tool.run("count", "--identity", hex(AttackerTests.keys[0]))
        #expect(identity.status == 0 && identity.text.contains("5"), "\(identity.text)\(identity.errors)")
        // Nothing else is asked of it: a list of names would be tried one by one.
        let whois = try place.tool.run("whois", "--user", AttackerTests.alice)
        #expect(whois.status == 77, "\(whois.errors)")
        try host.shutDown()
        #expect(try place.tool.run("events", "-c", "--user", AttackerTests.alice).status == 77)
        // With the key as it is, nobody needs to ask.
        let clear = DataPlace()
        let other = try clear.server(small)
        try AttackerTests.act(other)
        try other.shutDown()
        #expect(try clear.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only").text == "2\n")
    }

    /// A tmpfs keeps the key from one start to the next, and the power takes it.
    @Test func aRestartGoesOnUnderTheKeyThatATmpfsKeeps() throws {
        let memory = "/dev/shm/qpc-kept-\(UInt64.random(in: 0...UInt64.max))"
        defer { TemporaryDirectory.remove(memory) }
        let key = try keygen()
        let settings = sealing(key).merging(["LIVE_DIR": memory]) { $1 }
        func kept() -> [String] { names(in: memory).filter { $0.hasPrefix("identity-") } }
        func epochs() throws -> Int { try Int(read(keys)[12]) }
        try session(settings)
        let first = kept()
        #expect(first.count == 1 && permissions(memory + "/" + first[0]) == 0o600)
        try expectNothing("with the key in memory")
        try session(settings)
        #expect(try kept() == first && epochs() == 1)
        let killed = try place.server(settings.merging(["FLUSH_INTERVAL": "1h"]) { $1 })
        try AttackerTests.act(killed)
        killed.kill()
        // The command has the key that the dead server had.
        _ = try place.tool.succeed("recover")
        #expect(try kept() == first && epochs() == 1)
        #expect(try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only").text == "6\n")
        #expect(try logins() == "6\n")
        // A new epoch's key takes the place of the one before.
        try session(settings.merging(["KEY_ROTATION": "1ms"]) { $1 })
        #expect(kept().count == 1 && kept() != first)
        #expect(try epochs() > 1)
        let second = kept()
        // As after a power cut.
        TemporaryDirectory.remove(memory)
        try session(settings)
        let third = kept()
        #expect(third.count == 1 && third != second)
        #expect(try logins() == "10\n")
        // Another key under that name is none.
        try overwrite(memory + "/" + third[0], with: [UInt8](repeating: 7, count: 32))
        try session(settings)
        #expect(kept().count == 1 && kept() != third)
        // Turned off, it leaves nothing.
        try session(small.merging(["LIVE_DIR": memory]) { $1 })
        #expect(kept().isEmpty)
        try place.tool.verify()
    }

    /// The search itself finds a key that is there.
    @Test func withoutAnOperatorsKeyTheFileConfirmsNames() throws {
        try session(small)
        #expect(try read(keys)[8] == 1)
        #expect(try confirmed(in: place.path) >= 3)
    }

    @Test func aCommandSealsWhatADeadServerRecordedOrLeavesOutNames() throws {
        let key = try keygen()
        try session(sealing(key))
        func die() throws {
            let host = try place.server(sealing(key).merging(["FLUSH_INTERVAL": "1h"]) { $1 })
            try AttackerTests.act(host)
            host.kill()
        }
        try die()
        _ = try place.tool.succeed("recover")
        #expect(try logins() == "4\n")
        // The public key went with the file of keys: nothing may be written under a key that is not sealed to it.
        try die()
        try overwrite(keys, with: Array("junk".utf8))
        let outcome = try place.tool.run("recover")
        #expect(outcome.status == 0 && outcome.errors.contains("names are left out"), "\(outcome.errors)")
        #expect(!names(in: place.path).contains("identity.key"))
        #expect(try place.tool.count() == 3 * 7)
        try expectNothing("after a recovery without a key")
        // The next server has the setting.
        try session(sealing(key))
        #expect(try read(keys)[8] == 2)
        #expect(try logins() == "2\n")
        try place.tool.verify()
    }

    /// Each start begins an epoch, so a server that restarts all the time could fill the file.
    @Test func aFullFileOfKeysLeavesNamesOutUntilThereIsRoom() throws {
        let key = try keygen()
        try session(sealing(key))
        var content = try Array(read(keys).dropLast(16))
        #expect(content.count == 16 + 152)
        let entry = Array(content[16...])
        content[12...13] = [0, 16]
        for number in 2...4096 {
            content += [UInt8(number & 255), UInt8(number >> 8)] + entry[2...]
        }
        try overwrite(keys, with: content)
        let sum = try shell("b2sum -l 128 '\(keys)' | cut -c 1-32 | xxd -r -p")
        try overwrite(keys, with: content + sum.output)
        let host = try place.server(sealing(key))
        #expect(host.errors.contains("there is no room for another: names are left out"), "\(host.errors)")
        // No event is left of nearly all of them.
        try eventually("there is room") { host.errors.contains("a new key epoch has begun") }
        try AttackerTests.act(host)
        try host.shutDown()
        #expect(try read(keys)[12] <= 3 && read(keys)[13] == 0)
        #expect(try logins().hasPrefix("4\n"))
        try place.tool.verify()
    }

    /// The state of HMAC after a key, which is as good as the key, is in one place of the server's memory, and nowhere after
    /// `destroy`.
    @Test func theKeyUnderWayIsInLockedMemoryOnlyAndGoneAfterDestroy() throws {
        let key = try keygen()
        let host = try place.server(sealing(key))
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let running = try ProcessMemory(host.process.pid)
        let states = running.secrets
        #expect(!states.isEmpty && running.isLocked)
        #expect(try running.finds(states, outsideSecrets: true) == 0)
        try host.ask("destroy")
        let ended = try ProcessMemory(host.process.pid)
        #expect(ended.secrets.isEmpty)
        #expect(try ended.finds(states, outsideSecrets: false) == 0)
        // The search finds what is there.
        let other = try place.server(small)
        let clear = try ProcessMemory(other.process.pid)
        #expect(try clear.finds(clear.secrets, outsideSecrets: false) > 0)
        try other.shutDown()
        try host.exit()
    }

    @Test func turningItOnSealsTheClearKeysAndOldEventsStayReachable() throws {
        let key = try keygen()
        try session(small)
        let before = try KeyFile(keys).newest
        try session(sealing(key))
        #expect(try Attacker.finds([Attacker.Secret("the clear key", bytes: before.key)], in: place.path).isEmpty)
        let with = try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only", "--operator-key", file)
        #expect(with.text == "4\n", "\(with.text)\(with.errors)")
        // Turning it off begins a clear epoch; the sealed ones stay sealed, and a lookup says that it cannot see them.
        try session(small)
        let mixed = try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only")
        #expect(mixed.status == 0 && mixed.text == "2\n" && mixed.errors.contains("note: names cannot be looked up in"))
        let all = try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--login-only", "--operator-key", file)
        #expect(all.text == "6\n", "\(all.text)\(all.errors)")
        try place.tool.verify()
    }

    @Test("forget reaches sealed epochs with the operator's key", arguments: [false, true])
    func forgotten(isRunning: Bool) throws {
        let key = try keygen()
        for _ in 0..<2 { try session(sealing(key)) }
        let host = isRunning ? try place.server(sealing(key)) : nil
        if let host { try AttackerTests.act(host) }
        if let host {
            // The epoch under way, which the plugin has in memory, needs no private key.
            let own = try place.tool.run("forget", "--user", AttackerTests.alice)
            #expect(own.status == 0 && own.errors.contains("note: names cannot be looked up in"), "\(own.errors)")
            #expect(host.errors.contains("requested by"))
        }
        let outcome = try place.tool.run("forget", "--user", AttackerTests.alice, "--operator-key", file)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try host?.shutDown()
        let left = try place.tool.run("events", "-c", "--user", AttackerTests.alice, "--operator-key", file)
        #expect(left.text == "0\n", "\(left.text)\(left.errors)")
        try place.tool.verify()
    }

    @Test func aPassphraseLocksTheKeyAndItIsReadFromAFile() throws {
        let passphrase = place.temporary("passphrase")
        try overwrite(passphrase, with: Array("correct horse\n".utf8))
        let key = try keygen("--passphrase-file", passphrase)
        #expect(try String(decoding: read(file), as: UTF8.self).contains("QPC-OPERATOR-LOCKED-"))
        try session(sealing(key))
        let words = ["events", "-c", "--user", AttackerTests.alice, "--login-only", "--operator-key", file]
        #expect(try place.tool.run(words + ["--passphrase-file", passphrase]).text == "2\n")
        try overwrite(passphrase, with: Array("wrong\n".utf8))
        let wrong = try place.tool.run(words + ["--passphrase-file", passphrase])
        #expect(wrong.status == 77 && wrong.errors.contains("not the passphrase"), "\(wrong.errors)")
        let again = try place.tool.run("keygen", "--output", file)
        #expect(again.status == 1 && again.errors.contains("never overwritten"), "\(again.errors)")
    }

    @Test func anAgentOpensKeysAndTheSecretStaysWithIt() throws {
        let key = try keygen()
        for _ in 0..<2 { try session(sealing(key)) }
        let socket = place.temporary("a.sock")
        let agent = try ChildProcess(
            [BuiltProducts.commandLine, "key-agent", "--operator-key", file, "--socket", socket],
            errorFile: place.temporary("agent.errors"))
        try eventually("it listens") { permissions(socket) == 0o600 }
        #expect(unlink(file) == 0)
        func ask(_ words: String...) throws -> Outcome { try place.tool.run(words + ["--operator-key", socket]) }
        let events = try ask("events", "-c", "--user", AttackerTests.alice, "--login-only")
        #expect(events.text == "4\n", "\(events.errors)")
        let whois = try ask("whois", "--user", AttackerTests.alice)
        #expect(whois.status == 0, "\(whois.errors)")
        let forget = try ask("forget", "--user", AttackerTests.alice)
        #expect(forget.status == 0, "\(forget.errors)")
        let left = try ask("events", "-c", "--user", AttackerTests.alice)
        #expect(left.text == "0\n", "\(left.errors)")
        agent.kill(SIGTERM)
        agent.wait()
        #expect(access(socket, F_OK) != 0, "the socket stays behind")
        // A socket that nobody listens at, and one that is no agent's.
        _ = try shell("python3 -c \"import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])\" '\(socket)'")
        let dead = try ask("events", "-c", "--user", AttackerTests.alice)
        #expect(dead.status == 66 && dead.errors.contains("no agent answers at"), "\(dead.errors)")
    }

    @Test func theSettingTakesAFileAndRefusesWhatIsNoKey() throws {
        let key = try keygen()
        let published = place.temporary("operator.pub")
        try overwrite(published, with: Array("# ours\n\(key)\n".utf8))
        let host = try place.server(sealing(published))
        #expect(host.errors.contains("OPERATOR_KEY=\(key)"), "\(host.errors)")
        try host.shutDown()
        for wrong in [String(key.dropLast()), key.dropLast() + (key.last == "0" ? "1" : "0"), "/nonexistent"] {
            let refused = try ServerHost(environment: ServerHost.environment(place.path, ["OPERATOR_KEY": wrong]))
            try refused.load()
            #expect(try refused.ask("init").hasPrefix("code=-2 "))
            #expect(refused.errors.contains("QPC_METRICS_PLUGIN_OPERATOR_KEY="), "\(refused.errors)")
            refused.kill()
        }
    }

    /// Kills before each system call of a start that touches the file of keys, while clear keys are sealed: the next start works,
    /// the operator finds what was in the log, and no clear key is left.
    @Test(
        "A kill while keys are sealed loses none",
        arguments: ["openat", "read", "write", "fsync", "fchmod", "link", "rename", "unlink", "close"])
    func kills(before call: String) throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("kills at system calls", because: "strace may not trace here")
        }
        let key = try keygen()
        try session(small)
        let clear = try Attacker.Secret("the clear key", bytes: KeyFile(keys).newest.key)
        let first = place.temporary("first")
        #expect(try shell("cp -a '\(place.path)' '\(first)'").status == 0)
        var stages: Set<[String]> = []
        var number = 0
        var isSurvived = false
        while !isSurvived {
            number += 1
            guard number < 40 else { throw TestFailure("\(call) never ends") }
            #expect(try shell("rm -rf '\(place.path)' && cp -a '\(first)' '\(place.path)'").status == 0)
            let paths = [keys, keys + ".new", keys + ".old", place.path].flatMap { ["-P", $0] }
            let host = try ServerHost(
                environment: ServerHost.environment(place.path, sealing(key)),
                under: ["strace", "-f", "-qq", "-o", "/dev/null"] + paths + [
                    "-e", "trace=\(call)", "-e", "inject=\(call):signal=KILL:when=\(number)",
                ])
            do {
                try host.load()
                try host.ask("init")
                isSurvived = true
                // A kill would end the tracer, and leave the server running.
                try host.ask("destroy")
                try host.exit()
            } catch {
                host.process.wait()
            }
            stages.insert(
                names(in: place.path).filter { $0.hasPrefix("identity.key") } + [try read(keys)[8] == 2 ? "sealed" : "clear"])
            let next = try place.server(sealing(key))
            try next.shutDown()
            #expect(try logins() == "2\n", "\(call) \(number)")
            #expect(try Attacker.finds([clear], in: place.path).isEmpty, "\(call) \(number)")
            #expect(names(in: place.path).filter { $0.hasPrefix("identity.key") } == ["identity.key"])
        }
        #expect(number > 1 && stages.contains(["identity.key", "sealed"]), "\(stages)")
    }
}

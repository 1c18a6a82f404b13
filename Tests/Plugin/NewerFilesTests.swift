import Foundation
import TestSupport
import Testing

/// A log, live file or key file of a newer version than the program: nothing guesses what it means, changes it or renames it.
@Suite struct NewerFilesTests {
    let place = DataPlace()

    enum Newer: String, CaseIterable, Sendable {
        case log, logThatSaysWhatItNeeds, live, liveThatSaysWhatItNeeds, keys, largeKeys

        var file: String {
            switch self {
            case .log, .logThatSaysWhatItNeeds: "events.db"
            case .live, .liveThatSaysWhatItNeeds: "live.qpcm"
            case .keys, .largeKeys: "identity.key"
            }
        }

        /// What every refusal says.
        var words: [String] {
            let format = file == "live.qpcm" ? 2 : 3
            let remedy =
                switch self {
                case .logThatSaysWhatItNeeds, .liveThatSaysWhatItNeeds, .keys, .largeKeys:
                    "install qpc-metrics 9.8.7-rc.1 or later"
                case .log, .live: "install the version that wrote it, or a later one"
                }
            return [file, "it is of format \(format), and this version, ", ", reads formats up to \(format - 1): ", remedy]
        }
    }

    /// The directory of a killed server, in which one file is then of a newer format.
    private func prepare(_ newer: Newer? = nil) throws {
        let first = try place.server()
        try AttackerTests.act(first)
        try first.shutDown()
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        host.kill()
        if let newer { try make(newer) }
    }

    private func make(_ newer: Newer) throws {
        switch newer {
        case .log: try place.log.change("UPDATE state SET key = 'was' WHERE key = 'needs'; PRAGMA user_version = 3")
        case .logThatSaysWhatItNeeds:
            try place.log.change("UPDATE state SET value = '9.8.7-rc.1' WHERE key = 'needs'; PRAGMA user_version = 3")
        case .live:
            try patch(newer.file, [2], at: 8)
            try patch(newer.file, [0], at: 104)
        case .keys:
            try patch(newer.file, [3], at: 8)
            try patch(newer.file, Array("9.8.7-rc.1".utf8) + [UInt8](repeating: 0, count: 6), at: 16)
        case .liveThatSaysWhatItNeeds:
            try patch(newer.file, [2], at: 8)
            try patch(newer.file, Array("9.8.7-rc.1".utf8) + [0], at: 104)
        case .largeKeys:
            try make(.keys)
            try overwrite(place(newer.file), with: read(place(newer.file)) + [UInt8](repeating: 7, count: 100_000))
        }
    }

    private func patch(_ file: String, _ bytes: [UInt8], at offset: Int) throws {
        var content = try read(place(file))
        content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        try overwrite(place(file), with: content)
    }

    /// All that is in the directory, but for the WAL's index and an empty WAL, which SQLite makes anew whenever it opens a log.
    private func content() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in names(in: place.path) where name != "events.db-shm" && name != "control.sock" {
            let bytes = try read(place(name))
            if name != "events.db-wal" || !bytes.isEmpty { files[name] = bytes }
        }
        return files
    }

    private func expectWords(_ newer: Newer, in text: String, _ what: String) {
        for words in newer.words { #expect(text.contains(words), "\(what) does not say '\(words)': \(text)") }
    }

    @Test("The plugin refuses a newer file and leaves everything as it is", arguments: Newer.allCases, ["pseudonym", "none"])
    func plugin(_ newer: Newer, mode: String) throws {
        try prepare(newer)
        let before = try content()
        let host = try ServerHost(environment: ServerHost.environment(place.path, ["IDENTITIES": mode]))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=-3 "), "\(host.errors)")
        try host.exit()
        #expect(host.errorLines.count == 1, "\(host.errors)")
        expectWords(newer, in: host.errors, "the plugin")
        #expect(try content() == before)
    }

    /// Damage beside the newer file is no reason to touch anything either.
    @Test func nothingIsQuarantinedBesideANewerFile() throws {
        try prepare(.log)
        try overwrite(place("identity.key"), with: [1, 2, 3])
        var before = try content()
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=-3 "), "\(host.errors)")
        #expect(try content() == before)

        try place.log.change("PRAGMA user_version = 2")
        try make(.live)
        try overwrite(place("events.db"), with: Array("not a log\n".utf8))
        before = try content()
        #expect(try host.ask("init").hasPrefix("code=-3 "), "\(host.errors)")
        #expect(try content() == before)
        try host.exit()
    }

    static let commands = [
        ["events"], ["events", "-c"], ["events", "--user", "alice"], ["count", "--by", "kind"], ["stats"], ["prometheus"],
        ["status"], ["verify"], ["recover"], ["prune", "--older-than", "1s", "--yes"], ["forget", "--user", "alice", "--yes"],
        ["rebuild"], ["privacy-report"], ["backfill"], ["whois", "--user", "alice"], ["top", "--once"],
    ]

    @Test("Every command refuses a newer file, with exit code 1 and the version that it wants", arguments: Newer.allCases)
    func commands(_ newer: Newer) throws {
        try prepare(newer)
        let before = try content()
        for command in Self.commands {
            let outcome = try place.tool.run(command)
            #expect(outcome.status == 1, "\(command): \(outcome.status), \(outcome.text)\(outcome.errors)")
            #expect(outcome.output.isEmpty, "\(command): \(outcome.text)")
            #expect(outcome.errorLines.count == 1, "\(command): \(outcome.errors)")
            expectWords(newer, in: outcome.errors, "\(command)")
        }
        let doctor = try place.tool.run("doctor")
        #expect(doctor.status == 1)
        expectWords(newer, in: doctor.text.replacing("\n", with: ": ").replacing(#/:\s+fix:\s/#, with: ": "), "doctor")
        #expect(try content() == before)
    }

    @Test("What was refused is all there for the version that reads it", arguments: [Newer.log, .live, .keys])
    func back(_ newer: Newer) throws {
        try prepare()
        let before = try read(place(newer.file))
        try make(newer)
        _ = try place.tool.run("recover")
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=-3 "))
        if newer == .log {
            try place.log.change("UPDATE state SET key = 'needs' WHERE key = 'was'; PRAGMA user_version = 2")
        } else {
            try overwrite(place(newer.file), with: before)
        }
        #expect(try host.ask("init").hasPrefix("code=0 "), "\(host.errors)")
        try host.shutDown()
        #expect(try place.tool.count() == 14)
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 4)
        try place.tool.verify()
    }

    @Test func aNewerLogIsNotSalvagedAsIfItWereDamaged() throws {
        try prepare(.log)
        let into = place.temporary("saved")
        let outcome = try place.tool.run("recover", "--salvage", place("events.db"), "--into", into)
        #expect(outcome.status == 1)
        expectWords(.log, in: outcome.errors, "recover --salvage")
        #expect(names(in: into).isEmpty, "\(names(in: into))")
    }

    @Test func anImpossibleFormatIsDamage() throws {
        try prepare(.live)
        try patch("live.qpcm", [0, 0, 1, 0], at: 8)
        let host = try place.server()
        try host.shutDown()
        #expect(names(in: place.path).contains { $0.hasPrefix("live.qpcm.damaged-") })
        try place.tool.verify()
    }

    /// The version that a file asks for came with the format that the file is of, so one flipped bit does not look like progress.
    @Test("A newer format of a version that has none is damage", arguments: ["events.db", "live.qpcm"])
    func contradiction(_ file: String) throws {
        try prepare()
        if file == "events.db" { try place.log.change("PRAGMA user_version = 3") } else { try patch(file, [3], at: 8) }
        let host = try place.server()
        #expect(host.errors.contains(file + ".damaged-"), "\(host.errors)")
        try host.shutDown()
        #expect(names(in: place.path).contains { $0.hasPrefix(file + ".damaged-") }, "\(names(in: place.path))")
        try place.tool.verify()
    }

    /// All that the file holds is checked, so the number alone can be put back. Commands need not wait for that.
    @Test("A damaged number of the key file's format is put back", arguments: ["pseudonym", "none"])
    func damagedKeyNumber(mode: String) throws {
        try prepare()
        let before = try read(place("identity.key"))
        try patch("identity.key", [3], at: 8)
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 2)
        #expect(try place.tool.run("doctor").text.contains("readable and matches the log"))
        let host = try place.server(["IDENTITIES": mode])
        #expect(host.errors.contains("identity.key: the number of its format was damaged and is put back"), "\(host.errors)")
        try host.shutDown()
        #expect(try read(place("identity.key")) == before)
        // What the killed server had recorded is recovered under the stricter of both settings.
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == (mode == "none" ? 2 : 4))
        #expect(!names(in: place.path).contains { $0.hasPrefix("identity.key.") }, "\(names(in: place.path))")
        try place.tool.verify()
    }

    /// The running server keeps what it has, says once what is wrong, and goes on when its own log is back.
    @Test func aNewerLogInTheRunningServersPlaceIsLeftAlone() throws {
        let other = DataPlace()
        try other.server().shutDown()
        try other.log.change("PRAGMA journal_mode = DELETE; DELETE FROM state WHERE key = 'needs'; PRAGMA user_version = 3")
        let newer = try read(other("events.db"))

        let host = try place.server()
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let own = place.temporary("own")
        for end in ["", "-wal", "-shm"] { #expect(rename(place("events.db" + end), own + end) == 0) }
        try overwrite(place.temporary("newer"), with: newer)
        #expect(rename(place.temporary("newer"), place("events.db")) == 0)
        try AttackerTests.act(host)
        try eventually("the newer log is noticed") { host.errors.contains("it is of format 3") }
        #expect(try read(place("events.db")) == newer)
        for end in ["", "-wal", "-shm"] { unlink(place("events.db" + end)) }
        for end in ["", "-wal", "-shm"] { #expect(rename(own + end, place("events.db" + end)) == 0) }
        try AttackerTests.act(host)
        try host.shutDown()
        #expect(host.errorLines.filter { $0.contains("it is of format 3") }.count == 1, "\(host.errors)")
        #expect(try place.tool.count() == 21, "\(host.errors)")
        #expect(!names(in: place.path).contains { $0.contains("damaged") })
        try place.tool.verify()
    }

    @Test func serveAnswersWithTheVersionThatIsWanted() throws {
        try prepare(.live)
        let outcome = try place.tool.run("prometheus", "--output", place.temporary("metrics.prom"))
        #expect(outcome.status == 1)
        #expect(!FileManager.default.fileExists(atPath: place.temporary("metrics.prom")))
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        defer { serve.child.kill() }
        let address = try serve.addresses()[0]
        for path in ["/metrics", "/-/ready"] {
            let status = try TestSupport.run(
                ["curl", "-s", "-o", place.temporary("answer"), "-w", "%{http_code}", "http://\(address)\(path)"]
            ).text
            let answer = String(decoding: try read(place.temporary("answer")), as: UTF8.self)
            #expect(status == "503", "\(path): \(status) \(answer)")
        }
        try eventually("it says why") { serve.said.contains { $0.contains("it is of format 2") } }
    }

    @Test func statusAndDoctorSayThatPluginAndCommandDiffer() throws {
        try place.server().shutDown()
        try patch("live.qpcm", Array("0.0.9".utf8) + [0], at: 104)
        try patch("live.qpcm", [UInt8](repeating: 0, count: 8), at: 248)  // no checksum of the header
        let status = try place.tool.run("status")
        #expect(status.text.contains("the plugin is 0.0.9, this command "), "\(status.text)")
        let json = try place.tool.run("status", "-o", "json").text
        #expect(json.contains(#""version":"0.0.9""#) && json.contains(#""command_version":""#), "\(json)")
        #expect(try place.tool.run("doctor").text.contains("the plugin is 0.0.9, this command "))
    }
}

import Foundation
import TestSupport
import Testing

/// `doctor`: each fault that it knows is produced, and must be named.
@Suite struct DoctorTests {
    let place = DataPlace()

    /// Looks at the directory as it is now.
    private func expect(
        _ name: String, _ result: String, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try place.tool.doctor()
        #expect(
            report.has(name, result, words), "\(name), \(result), \(words): \(report.all(name))", sourceLocation: sourceLocation)
        if result == "failure" { #expect(report.status == 1, sourceLocation: sourceLocation) }
    }

    @Test func aGoodInstallationHasNothingToMend() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let report = try place.tool.doctor("--exporter", "http://" + serve.addresses()[0])
        #expect(report.names("failure").isEmpty && report.names("warning").isEmpty, "\(report.checks)")
        #expect(report.status == 0)
        for name in [
            "directory mode", "plugin version", "settings", "readers", "event log", "identity key", "exporter directory",
        ] {
            #expect(report.all(name).map(\.result) == ["ok"], "\(name)")
        }
        #expect(report.has("plugin", "ok", "process \(host.process.pid)"))
        #expect(report.has("settings", "ok", "IDENTITIES=pseudonym", "MAX_SIZE=4 GiB", "FLUSH_INTERVAL=250 ms"))
        try host.shutDown()
    }

    @Test func textSaysTheSameInLines() throws {
        let host = try place.server()
        chmod(place("identity.key"), 0o644)
        let outcome = try place.tool.run("doctor")
        #expect(outcome.status == 1 && outcome.errors.isEmpty)
        let line = try #require(outcome.lines.firstIndex { $0.hasPrefix("failure  file modes ") })
        #expect(outcome.lines[line].contains("identity.key has mode 0644"))
        #expect(outcome.lines[line + 1].hasSuffix("fix: chmod 0600 \(place("identity.key"))"))
        #expect(try #require(outcome.lines.last).hasSuffix(", 1 failure"))
        #expect(!outcome.text.contains("\u{1B}"))
        #expect(try place.tool.run("doctor", "--color", "always").text.contains("\u{1B}[31mfailure"))
        try host.shutDown()
    }

    // MARK: Directory and files

    @Test func aDirectoryThatIsNotThereOrIsNone() throws {
        try expect("directory", "failure", "there is no directory \(place.path)", "install -d -m 0750")
        try overwrite(place.path, with: [])
        try expect("directory", "failure", "is not a directory", "--dir")
    }

    @Test func anEmptyDirectoryHasNoPlugin() throws {
        mkdir(place.path, 0o750)
        try expect("plugin", "failure", "has never run here", "--plugin-dir")
        try expect("files", "failure", "no files of the plugin")
        try expect("event log", "failure", "no events.db")
    }

    @Test(
        "Modes that are wrong",
        arguments: [
            ("", 0o777, "directory mode", "failure", "chmod 0750"), ("", 0o770, "directory mode", "failure", "chmod 0750"),
            ("", 0o755, "directory mode", "warning", "chmod 0750"), ("", 0o550, "directory mode", "failure", "chmod 0750"),
            ("", 0o700, "directory mode", "ok", "0700"), ("identity.key", 0o640, "file modes", "failure", "chmod 0600"),
            ("events.db", 0o644, "file modes", "failure", "chmod 0640"),
            ("live.qpcm", 0o660, "file modes", "failure", "chmod 0640"),
            ("events.db", 0o600, "file modes", "warning", "the group cannot read it"),
            ("events.db-wal", 0o440, "file modes", "failure", "chmod 0640"),
            ("control.sock", 0o666, "file modes", "failure", "chmod 0600"),
        ])
    func modes(name: String, mode: Int, check: String, result: String, words: String) throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        chmod(name.isEmpty ? place.path : place(name), mode_t(mode))
        try expect(check, result, words, name)
        chmod(place.path, 0o750)
        try host.shutDown()
    }

    @Test func filesOfAnotherUserOrGroup() throws {
        guard User.canBeChosen else { return skip("files of another user", because: "only root can give them away") }
        let host = try place.server()
        try expect("file owners", "ok")
        chown(place("events.db"), 65534, 0)
        chown(place("live.qpcm"), 0, 65534)
        try expect("file owners", "failure", "events.db belongs to nobody", "chown root:root")
        try expect("file owners", "warning", "live.qpcm belongs to the group", "chmod g+s")
        try host.shutDown()
    }

    @Test func filesThatAreMissing() throws {
        try place.server().shutDown()
        unlink(place("identity.key"))
        try expect("files", "failure", "no identity.key", "backup")
        unlink(place("live.qpcm"))
        try expect("files", "failure", "no live.qpcm")
        try expect("plugin", "failure", "has never run here")
        try expect("exporter", "warning", "not checked")
    }

    @Test func whatIsQuarantinedOrNotOfThePlugin() throws {
        let host = try place.server()
        try expect("quarantine", "ok")
        try expect("other files", "ok")
        try overwrite(place("events.db.damaged-20261122T140501Z"), with: [1])
        try overwrite(place("events.db-wal.left-20261122T140501Z"), with: [1])
        try overwrite(place("a copy"), with: [1])
        try expect("quarantine", "warning", "events.db-wal.left-20261122T140501Z and 1 more", "sqlite3")
        try expect("other files", "warning", "a copy", "rm '\(place("a copy"))'")
        try host.shutDown()
    }

    @Test func aNameCannotForgeALine() throws {
        let host = try place.server()
        try overwrite(place("x\u{1B}[2J\nok       plugin"), with: [1])
        let text = try place.tool.run("doctor").text
        #expect(!text.contains("\u{1B}") && text.contains("x\\x1b[2J\\nok "))
        try host.shutDown()
    }

    @Test func memoryIsNoPlaceForALog() throws {
        guard try shell("stat -f -c %T /dev/shm").text == "tmpfs\n" else {
            return skip("a tmpfs", because: "/dev/shm is none")
        }
        let path = "/dev/shm/qpc-doctor-\(getpid())"
        mkdir(path, 0o750)
        defer { rmdir(path) }
        #expect(try CommandLineTool(path).doctor().has("file system", "warning", "tmpfs", "local disk"))
    }

    // MARK: The plugin

    @Test func aServerThatIsDownIsAFailure() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("shutdown")
        for _ in 0..<3 { try host.ask("fetch count=1") }
        host.kill()
        try expect("plugin", "failure", "the server died with", "qpc-metrics recover")
        try place.server().shutDown()
        try expect("plugin", "failure", "the plugin was shut down", "start the server")
    }

    /// It may also find another test's server.
    @Test func aServerWithThePluginInAnotherDirectoryIsFound() throws {
        let host = try place.server()
        let elsewhere = DataPlace()
        mkdir(elsewhere.path, 0o750)
        let report = try elsewhere.tool.doctor()
        #expect(report.has("plugin loaded", "warning", "has the plugin loaded, with QPC_METRICS_PLUGIN_DIR=", "doctor --dir"))
        try host.ask("shutdown")
        try host.ask("destroy")
        try expect("plugin loaded", "warning", "process \(host.process.pid) has the plugin loaded for this directory")
        try host.exit()
        guard User.canBeChosen else { return }
        let alone = try run(
            [
                "unshare", "--pid", "--fork", "--mount-proc", BuiltProducts.commandLine, "doctor", "-o", "json", "--dir",
                place.path,
            ])
        guard alone.errors.isEmpty else { return skip("a machine without the plugin", because: alone.errors) }
        #expect(try DoctorReport(alone).has("plugin loaded", "failure", "no process", "--plugin-dir"))
        chmod(place.path, 0o755)
        for name in names(in: place.path) { chmod(place(name), 0o644) }
        let partial = try CommandLineTool(place.path, user: .nobody).doctor()
        #expect(partial.has("plugin loaded", "warning", "some processes cannot be inspected", "run as root"))
    }

    @Test func aServerWithoutAHeartbeatIsAFailure() throws {
        let host = try place.server()
        host.process.kill(SIGSTOP)
        try eventually("it is taken for stuck") { try place.tool.doctor().has("plugin", "failure", "no heartbeat for 5 s") }
        host.process.kill(SIGCONT)
        try eventually("its heartbeat is back") { try place.tool.doctor().has("plugin", "ok") }
        try host.shutDown()
    }

    /// A frozen server whose live file the test then patches; the heartbeat lies in the future, so that the server stays up.
    private func frozen(_ patches: [(offset: Int, value: UInt64)], _ settings: [String: String] = [:]) throws -> ServerHost {
        let host = try place.server(settings)
        try host.ask("fetch count=1")
        host.process.kill(SIGSTOP)
        for (offset, value) in [(Self.heartbeat, UInt64.max), (Self.initCheck, 0)] + patches { try patch(offset, value) }
        return host
    }

    // Offsets from live_layout.h.
    private static let (formatVersion, pluginVersion, flushInterval) = (8, 104, 120)
    private static let (initCheck, heartbeat, logBytes, walBytes, logTrouble, slots) = (248, 328, 448, 456, 496, 16384)

    private func patch(_ offset: Int, _ value: UInt64, bytes: Int = 8) throws {
        let descriptor = open(place("live.qpcm"), O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let count = withUnsafeBytes(of: value.littleEndian) { pwrite(descriptor, $0.baseAddress, bytes, off_t(offset)) }
        guard count == bytes else { throw TestFailure.system("patch live.qpcm", errno) }
    }

    @Test func aPluginOfAnotherVersionIsAFailure() throws {
        // "0.0.9"
        let host = try frozen([(Self.pluginVersion, 0x39_2E30_2E30)])
        try expect("plugin version", "failure", "the plugin is 0.0.9", "install the same version of both")
        host.kill()
    }

    @Test func aLiveFileOfAnotherVersionIsAFailure() throws {
        try place.server().shutDown()
        try patch(Self.formatVersion, 99, bytes: 4)
        try patch(Self.pluginVersion, 0, bytes: 8)
        try expect("plugin", "failure", "it is of format 99", "install the version that wrote it, or a later one")
    }

    @Test func aLogOverItsLimitIsAWarning() throws {
        let host = try frozen([(Self.logBytes, 9 << 20)], ["MAX_SIZE": "1MiB"])
        try expect("log size", "warning", "over its limit of 1 MiB")
        host.kill()
    }

    @Test func flushesThatFailAreAFailure() throws {
        // SQLITE_FULL
        let host = try frozen([(Self.logTrouble, 13)])
        try expect("flushes", "failure", "SQLite code 13", "make room")
        host.kill()
    }

    @Test func aLogThatIsLockedByAnotherIsAFailure() throws {
        let host = try place.server(["FLUSH_INTERVAL": "5ms"])
        let holder = try ChildProcess(["sqlite3", "-batch", place("events.db")], errorFile: "/dev/null")
        try holder.send("BEGIN IMMEDIATE; SELECT 1;\n")
        _ = try holder.line(within: 60)
        try eventually("flushes fail") {
            try host.ask("fetch count=1")
            return try place.tool.doctor().has("flushes", "failure", "another process holds the log's lock")
        }
        holder.kill()
        try eventually("they do not any more") { try place.tool.doctor().has("flushes", "ok", "busy") }
        try host.shutDown()
    }

    @Test func aRingThatFillsIsAWarning() throws {
        let host = try frozen([], ["RING_SIZE": "64KiB"])
        // The tail of the first thread slot, which is ahead of its head.
        try patch(Self.slots + 64, 1 << 40 | 40_000)
        try patch(Self.slots + 128, 1 << 40)
        try expect("pending events", "warning", "a ring is 61 % full", "RING_SIZE")
        host.kill()
    }

    @Test func eventsThatWaitTooLongAreAWarning() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("fetch count=1")
        host.process.kill(SIGSTOP)
        try patch(Self.heartbeat, .max)
        try patch(Self.initCheck, 0)
        try patch(Self.flushInterval, 1_000_000)
        try eventually("the wait is noticed") { try place.tool.doctor().has("pending events", "warning", "has waited") }
        host.kill()
    }

    @Test func droppedEventsAreAFailure() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=1 calls=60000 seed=1")
        host.kill()
        _ = try place.tool.succeed("recover")
        try expect("dropped events", "failure", "within the last hour", "raise QPC_METRICS_PLUGIN_RING_SIZE")
    }

    @Test func aHeaderThatChangedAtRestIsAFailure() throws {
        try place.server().shutDown()
        try expect("checksums", "ok")
        try patch(Self.pluginVersion, 0x39_2E30_2E30)
        try expect("checksums", "failure", "does not match its checksum", "qpc-metrics verify")
    }

    @Test func aReaderInTheWayIsNamed() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        try eventually("the event is in the log") { try place.tool.count() == 1 }
        try expect("readers", "ok")
        let reader = try ChildProcess(["sqlite3", "-readonly", "-batch", place("events.db")], errorFile: "/dev/null")
        try reader.send("BEGIN; SELECT count(*) FROM fetch;\n")
        _ = try reader.line(within: 60)
        try expect("readers", "warning", "process \(reader.pid) (sqlite3) keeps a transaction open", "kill \(reader.pid)")
        // It gets this large only while a reader is in the way.
        host.process.kill(SIGSTOP)
        try patch(Self.heartbeat, .max)
        try patch(Self.walBytes, 65 << 20)
        try expect("readers", "failure", "process \(reader.pid) (sqlite3)", "65 MiB")
        reader.kill()
        reader.wait()
        try expect("readers", "ok")
        host.process.kill(SIGCONT)
        try host.shutDown()
    }

    // MARK: Log and keys

    @Test func aLogThatIsDamagedOrOfAnotherVersionIsAFailure() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        try host.shutDown()
        try expect("event log", "ok", "schema version")
        try place.log.change("UPDATE counter SET direct = direct + 1 WHERE name LIKE 'flush_duration%sum'")
        try expect("event log", "failure", "do not match their checksum", "qpc-metrics verify")
        try place.log.change("DELETE FROM state WHERE key = 'needs'; PRAGMA user_version = 99")
        try expect("event log", "failure", "it is of format 99", "install the version that wrote it, or a later one")
        try overwrite(place("events.db"), with: [UInt8](repeating: 0x41, count: 20000))
        try expect("event log", "failure", "events.db", "restart the server")
    }

    @Test func keysOfAnotherLogAreAFailure() throws {
        let other = DataPlace()
        for place in [place, other] {
            let host = try place.server()
            try host.ask("auth user=text:alice")
            try host.shutDown()
        }
        try expect("identity key", "ok")
        try overwrite(place("identity.key"), with: read(other("identity.key")))
        try expect("identity key", "failure", "keys of another log", "backup")
        try overwrite(place("identity.key"), with: [1, 2, 3])
        try expect("identity key", "failure", "identity.key")
    }

    @Test func withoutPseudonymsNoKeyIsNeeded() throws {
        try place.server(["IDENTITIES": "none"]).shutDown()
        try expect("identity key", "ok", "not needed")
        try expect("files", "ok")
    }

    // MARK: Who asks

    @Test func theServersOwnUserSeesEverything() throws {
        guard User.canBeChosen else { return skip("the server's user", because: "only root can be another user") }
        mkdir(place.path, 0o750)
        chown(place.path, 65534, 65534)
        let host = try place.server(user: .nobody)
        let report = try CommandLineTool(place.path, user: .nobody).doctor()
        #expect(report.names("failure").isEmpty && report.names("warning") == ["exporter"], "\(report.checks)")
        #expect(report.has("identity key", "ok", "readable") && report.has("file owners", "ok", "nobody"))
        #expect(try place.tool.doctor().names("warning") == ["exporter"])
        try host.shutDown()
    }

    @Test func aReaderInTheGroupIsToldWhatItMayNotSee() throws {
        guard User.canBeChosen else { return skip("a reader", because: "only root can be another user") }
        let host = try place.server()
        try host.ask("auth user=text:alice")
        for path in [place.path] + names(in: place.path).map({ place($0) }) { lchown(path, 0, 65533) }
        let reader = try CommandLineTool(place.path, user: User(uid: 65532, gid: 65533)).doctor()
        #expect(reader.status == 0 && reader.names("warning") == ["identity key", "exporter"], "\(reader.checks)")
        #expect(reader.has("identity key", "warning", "not checked", "root"))

        let stranger = try CommandLineTool(place.path, user: User(uid: 65532, gid: 65532)).doctor()
        #expect(stranger.has("directory", "ok", "0750"))
        for name in ["files", "plugin", "event log", "identity key"] {
            #expect(stranger.has(name, "warning", "not checked", "no permission", "root"), "\(name): \(stranger.all(name))")
        }
        chmod(place.temporary.path, 0o700)
        let shutOut = try CommandLineTool(place.path, user: .nobody).doctor()
        #expect(shutOut.has("directory", "warning", "not checked", "no permission to reach", "root"), "\(shutOut.checks)")
        try host.shutDown()
    }
}

import Foundation
import TestSupport
import Testing

/// Who may read and write what.
@Suite struct ModeTests {
    let place = DataPlace()

    private static func mode(_ name: String) -> Int { name == "identity.key" || name == "control.sock" ? 0o600 : 0o640 }

    @Test("Modes are the documented ones whatever the umask", arguments: [0o000, 0o022, 0o077])
    func modes(umask: Int) throws {
        let host = try place.server(["RING_SIZE": "64KiB"], umask: umask)
        _ = try host.tally("drive threads=4 calls=300 seed=1")
        for isRunning in [true, false] {
            #expect(permissions(place.path) == 0o750)
            for name in names(in: place.path) {
                #expect(permissions(place(name)) == Self.mode(name), "\(name)")
            }
            #expect(names(in: place.path).contains("events.db") && names(in: place.path).contains("live.qpcm"))
            if isRunning { try host.shutDown() }
        }
        // The command that writes keeps the modes too.
        let next = try place.server(umask: umask)
        try next.ask("fetch count=1")
        next.kill()
        let recovered = try run(
            [BuiltProducts.commandLine, "recover", "--dir", place.path], umask: umask)
        #expect(recovered.status == 0)
        for name in names(in: place.path) {
            #expect(permissions(place(name)) == Self.mode(name), "\(name)")
        }
    }

    @Test func aDirectoryThatIsThereKeepsItsMode() throws {
        mkdir(place.path, 0o700)
        chmod(place.path, 0o2770)
        let host = try place.server()
        try host.shutDown()
        #expect(permissions(place.path) == 0o2770)
    }

    // MARK: Readers of the server's group

    private static let server = User(uid: 61001, gid: 61002)
    private static let reader = User(uid: 65534, gid: 61002)

    /// A server under its own user, in a directory that it can create.
    private func serverOfItsOwn() throws -> ServerHost {
        chown(place.temporary.path, uid_t(Self.server.uid), gid_t(Self.server.gid))
        return try place.server(["IDENTITIES": "plain"], user: Self.server)
    }

    @Test func aReaderOfTheGroupNeedsNoWriteAccess() throws {
        guard User.canBeChosen else { return skip("a reader of the group", because: "only root can be another user") }
        let host = try serverOfItsOwn()
        try host.ask("drive threads=2 calls=1 seed=1 endless=1 pause_us=1000 mix=auth")
        for _ in 0..<10 { try host.ask("fetch count=1") }
        try host.ask("shutdown")
        let tool = CommandLineTool(place.path, user: Self.reader)
        #expect(try tool.count("--kind", "fetch") == 10, "while it runs")
        #expect(try tool.exposition().value("qpc_up") == 1)
        try tool.verify()
        _ = try host.tally("stop")
        try host.ask("shutdown")
        let rows = try place.tool.count()
        try host.ask("fetch count=2")
        host.kill()
        #expect(try tool.count() >= rows, "after it died")
        #expect(try tool.exposition().value("qpc_hook_calls_total{hook=\"fetch\"}") == 11)
        #expect(try tool.exposition().value("qpc_up") == 0)
        try tool.verify()

        let next = try place.server(["IDENTITIES": "plain"], user: Self.server)
        #expect(try tool.count("--kind", "fetch") == 11, "recovered")
        try next.shutDown()
        #expect(try tool.count("--kind", "fetch") == 11, "after a clean shutdown")
        #expect(try tool.events("-n", "3").count == 3)
        #expect(try tool.exposition().value("qpc_up") == 0)
        try tool.verify()
        #expect(try tool.count("--kind", "fetch", "--since", "-1h") == 11)
    }

    @Test func aStrangerMayReadNothing() throws {
        guard User.canBeChosen else { return skip("a stranger", because: "only root can be another user") }
        let host = try serverOfItsOwn()
        for _ in 0..<2 {
            for command in ["events", "prometheus", "verify", "recover"] {
                let outcome = try CommandLineTool(place.path, user: .nobody).run(command)
                #expect(outcome.status == 77 && outcome.errorLines.count == 1, "\(command): \(outcome.errors)")
                #expect(outcome.output.isEmpty)
            }
            host.kill()
        }
    }

    @Test func aReaderMayNotRecover() throws {
        guard User.canBeChosen else { return skip("a reader that recovers", because: "only root can be another user") }
        let host = try serverOfItsOwn()
        try host.ask("fetch count=1")
        host.kill()
        let before = try names(in: place.path).filter { $0 != "control.sock" }.map { ($0, try read(place($0))) }
        let outcome = try CommandLineTool(place.path, user: Self.reader).run("recover")
        #expect(outcome.status == 77 && outcome.errorLines.count == 1, "\(outcome.status) \(outcome.errors)")
        for (name, content) in before { #expect(try read(place(name)) == content, "\(name)") }
    }

    /// Such a reader can do everything except look up a person.
    @Test func aReaderWithoutTheKeyKnowsPseudonymsOnly() throws {
        guard User.canBeChosen else { return skip("a reader without the key", because: "only root can be another user") }
        chown(place.temporary.path, uid_t(Self.server.uid), gid_t(Self.server.gid))
        let host = try place.server(user: Self.server)
        try AttackerTests.act(host)
        try host.ask("shutdown")
        let tool = CommandLineTool(place.path, user: Self.reader)
        for isRunning in [true, false] {
            #expect(try tool.count() == 7)
            for question in [["--user", AttackerTests.alice], ["--identity", hex(AttackerTests.keys[0])]] {
                let outcome = try tool.run(["events", "-c"] + question)
                #expect(outcome.status == 77 && outcome.output.isEmpty, "\(outcome.status) \(outcome.errors)")
                #expect(outcome.errors.contains("identity.key: Permission denied"), "\(outcome.errors)")
            }
            let user = try #require(try tool.events("--kind", "auth").first?["user"]?.text)
            #expect(try tool.count("--user", user, "--login-only") == 2, "a pseudonym that it has seen")
            let report = try tool.succeed("privacy-report", "-o", "json").text
            #expect(report.contains("\"key_file\":\"unreadable\""))
            #expect(try tool.succeed("privacy-report").text.contains("the keys of 1 epoch"))
            #expect(try tool.people().active["1d"] == 3)
            try tool.verify()
            #expect(try run(["cat", place("identity.key")], user: Self.reader).status != 0)
            if isRunning { try host.shutDown() }
        }
        // The server's own user may look people up.
        #expect(try CommandLineTool(place.path, user: Self.server).count("--user", AttackerTests.alice, "--login-only") == 2)
    }

    /// What root does on behalf of the server's user must not lock that user out.
    @Test func whatRootMakesBelongsToTheDirectorysOwner() throws {
        guard User.canBeChosen else { return skip("a command that root runs", because: "only root can be another user") }
        let host = try serverOfItsOwn()
        try host.ask("fetch count=1")
        host.kill()
        let live = try read(place("live.qpcm"))
        for name in names(in: place.path) where name != "live.qpcm" { unlink(place(name)) }
        _ = try place.tool.run("recover")
        #expect(try read(place("live.qpcm")).count == live.count)
        for name in names(in: place.path) {
            var status = stat()
            lstat(place(name), &status)
            #expect(status.st_uid == uid_t(Self.server.uid) && status.st_gid == gid_t(Self.server.gid), "\(name)")
        }
        let next = try place.server(user: Self.server)
        try next.shutDown()
        let again = try place.server(user: Self.server)
        try again.ask("fetch count=1")
        try again.shutDown()
    }

    // MARK: Links

    private static let logNames = ["events.db", "events.db-wal", "events.db-shm"]

    @Test("A link in the place of a file is not followed", arguments: logNames + ["live.qpcm", "identity.key"])
    func links(name: String) throws {
        let first = try place.server()
        try AttackerTests.act(first)
        try first.shutDown()
        // What the link points to is not the server's business: for example a file of another owner.
        let victim = place.temporary("victim")
        try overwrite(victim, with: Array("mine, and nobody else's".utf8))
        chmod(victim, 0o604)
        unlink(place(name))
        symlink(victim, place(name))
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        let answer = try host.ask("init")
        if answer.hasPrefix("code=0 ") {
            try host.ask("fetch count=1")
            try host.shutDown()
        } else {
            #expect(answer == "code=-3 untouched=true")
            #expect(host.errorLines.count == 1 && host.errors.contains(place.path), "\(host.errors)")
            try host.exit()
        }
        #expect(try read(victim) == Array("mine, and nobody else's".utf8), "\(answer)")
        #expect(permissions(victim) == 0o604)
    }

    @Test(
        "A link in the place of a temporary file is not followed",
        arguments: [
            "live.qpcm.new", "identity.key.new", "identity.key.old",
        ])
    func temporaryLinks(name: String) throws {
        mkdir(place.path, 0o750)
        let victim = place.temporary("victim")
        try overwrite(victim, with: Array("mine".utf8))
        for _ in 0..<2 {
            symlink(victim, place(name))
            let host = try place.server(["KEY_ROTATION": "1ms"])
            try AttackerTests.act(host)
            try host.shutDown()
            #expect(try read(victim) == Array("mine".utf8))
            #expect(!names(in: place.path).contains(name))
        }
    }

    @Test func aDirectoryReachedByALinkCanBeUsed() throws {
        symlink("data", place.temporary("link"))
        mkdir(place.path, 0o750)
        for _ in 0..<2 {
            let host = try ServerHost.running(place.temporary("link"))
            try AttackerTests.act(host)
            try host.shutDown()
        }
        #expect(try CommandLineTool(place.temporary("link")).count("--user", AttackerTests.alice, "--login-only") == 4)
        try CommandLineTool(place.temporary("link")).verify()
    }

    @Test func wideModesAreNarrowed() throws {
        let first = try place.server()
        try AttackerTests.act(first)
        try first.shutDown()
        chmod(place("identity.key"), 0o644)
        chmod(place("events.db"), 0o666)
        chmod(place("events.db-wal"), 0o666)
        let next = try place.server()
        try AttackerTests.act(next)
        try next.shutDown()
        for name in names(in: place.path) {
            #expect(permissions(place(name)) == Self.mode(name), "\(name)")
        }
    }
}

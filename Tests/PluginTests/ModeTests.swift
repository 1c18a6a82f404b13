import Foundation
import TestSupport
import Testing

/// Who may read and write what.
@Suite struct ModeTests {
    let place = DataPlace()

    @Test("Modes are the documented ones whatever the umask", arguments: [0o000, 0o022, 0o077])
    func modes(umask: Int) throws {
        let host = try place.server(["RING_SIZE": "64KiB"], umask: umask)
        _ = try host.tally("drive threads=4 calls=300 seed=1")
        for isRunning in [true, false] {
            #expect(permissions(place.path) == 0o750)
            for name in names(in: place.path) {
                #expect(permissions(place(name)) == (name == "identity.key" ? 0o600 : 0o640), "\(name)")
            }
            #expect(names(in: place.path).contains("events.db") && names(in: place.path).contains("live.qpcm"))
            if isRunning { try host.shutDown() }
        }
        // The command that writes keeps them too.
        let next = try place.server(umask: umask)
        try next.ask("fetch count=1")
        next.kill()
        let recovered = try run(
            [BuiltProducts.commandLine, "recover", "--dir", place.path], umask: umask)
        #expect(recovered.status == 0)
        for name in names(in: place.path) {
            #expect(permissions(place(name)) == (name == "identity.key" ? 0o600 : 0o640), "\(name)")
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

    /// A server of its own user, in a directory that it can make.
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
        let before = try names(in: place.path).map { ($0, try read(place($0))) }
        let outcome = try CommandLineTool(place.path, user: Self.reader).run("recover")
        #expect(outcome.status == 77 && outcome.errorLines.count == 1, "\(outcome.status) \(outcome.errors)")
        for (name, content) in before { #expect(try read(place(name)) == content, "\(name)") }
    }
}

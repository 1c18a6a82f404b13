import Foundation
import TestSupport
import Testing

/// `--user` is everything that a person did: logins, and whatever the keys registered with the name did.
@Suite struct UserFilterTests {
    let place = DataPlace()

    private static func key(_ number: Int) -> String { String(repeating: "0\(number)a1b2c3", count: 8) }

    private func act(_ settings: [String: String]) throws {
        let (own, second, other) = (Self.key(1), Self.key(2), Self.key(3))
        let channel = String(repeating: "c4", count: 16)
        let host = try place.server(settings)
        // A key may act before it is registered.
        try host.ask("message sender=\(own) recipient=\(other) channel=\(channel) bytes=9 seq=1")
        try host.ask("register user=text:alice identity=\(own)")
        try host.ask("register user=text:alice identity=\(second)")
        try host.ask("register user=text:bob identity=\(other)")
        try host.ask("auth user=text:alice ok=0 reason=text:credentials")
        try host.ask("auth user=text:bob ok=1")
        try host.ask("message sender=\(other) recipient=\(second) channel=\(channel) bytes=9 seq=2")
        try host.ask("message sender=\(other) recipient=\(other) channel=\(channel) bytes=9 seq=3")
        try host.ask("fetch recipient=\(second) channel=\(channel) count=1")
        try host.shutDown()
    }

    @Test(arguments: ["pseudonym", "plain"])
    func aUsersKeysAreTheUsersToo(_ identities: String) throws {
        try act(["QPC_METRICS_PLUGIN_IDENTITIES": identities])
        let tool = place.tool
        let kinds = try tool.events("--user", "alice").map { $0["kind"]?.text ?? "" }
        #expect(
            kinds == [
                "message_enqueue", "user_registered", "user_registered", "auth", "message_enqueue", "fetch",
            ])
        #expect(try tool.events("--user", "alice", "-r", "-n", "2").map { $0["kind"]?.text } == ["fetch", "message_enqueue"])
        #expect(try tool.count("--user", "alice") == 6)
        #expect(try tool.count("--user", "alice", "--login-only") == 3)
        #expect(try tool.count("--user", "alice", "--sender", Self.key(1)) == 1)
        #expect(try tool.count("--user", "alice", "--failed") == 1)
        #expect(try tool.count("--user", "alice", "--kind", "fetch") == 1)
        let counted = try tool.succeed("count", "--user", "alice", "--by", "kind", "-o", "csv").lines
        #expect(
            Set(counted.dropFirst().map { $0.replacing("\r", with: "") }) == [
                "message_enqueue,2", "user_registered,2", "auth,1", "fetch,1",
            ])
        #expect(try tool.succeed("count", "--user", "bob", "--login-only", "--by", "kind", "-o", "csv").lines.count == 3)
        let outcome = try tool.run("events", "--login-only")
        #expect(outcome.status == 64 && outcome.errors.contains("--login-only needs --user"), "\(outcome.errors)")
    }
}

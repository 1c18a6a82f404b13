import Foundation
import TestSupport
import Testing

/// What an attacker who has stolen the data directory finds, after each thing that can happen to it.
@Suite struct AttackerTests {
    let place = DataPlace()

    static let alice = "Alice-of-Wonderland"
    static let keys = (0..<4).map { person in (0..<32).map { UInt8(truncatingIfNeeded: 0x90 + person * 37 + $0 * 11) } }
    static let channel = (0..<16).map { UInt8(truncatingIfNeeded: 0x5A &+ $0 * 29) }

    /// One event of each kind; its texts and keys are the secrets.
    static func act(_ host: ServerHost) throws {
        let (first, second, third) = (hex(keys[0]), hex(keys[1]), hex(keys[2]))
        try host.ask("register user=text:\(alice) identity=\(first)")
        try host.ask("auth user=text:\(alice) ok=0 reason=text:user%20alice-OF-wonderland%20not%20found")
        try host.ask("channel channel=\(hex(channel)) initiator=\(first) peer=\(second)")
        try host.ask("message sender=\(first) recipient=\(second) channel=\(hex(channel)) bytes=100 seq=1")
        try host.ask("stage sender=\(first) recipient=\(second) channel=\(hex(channel)) bytes=5 seq=2")
        try host.ask("stage sender=\(first) recipient=\(third) channel=\(hex(channel)) bytes=5 seq=3")
        try host.ask("batch")
        try host.ask("fetch recipient=\(second) channel=\(hex(channel)) count=3")
    }

    static var secrets: [Attacker.Secret] {
        [Attacker.Secret(name: alice), Attacker.Secret("the channel", bytes: channel)]
            + (0..<3).map { Attacker.Secret("key \($0)", bytes: keys[$0]) }
    }

    private func expectNothing(_ what: String, leaving: Set<String> = []) throws {
        let finds = try Attacker.finds(Self.secrets, in: place.path, leaving: leaving)
        #expect(finds.isEmpty, "\(what): \(finds)")
    }

    /// A search that never finds anything proves nothing.
    @Test func plainModeHoldsWhatItSays() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        try Self.act(host)
        try host.shutDown()
        let found = Set(try Attacker.finds(Self.secrets, in: place.path).map(\.secret))
        #expect(found == Set(Self.secrets.map(\.label)))
    }

    @Test("No name and no key is in any file", arguments: ["pseudonym", "none"])
    func nothing(mode: String) throws {
        let host = try place.server(["IDENTITIES": mode])
        try Self.act(host)
        try host.ask("shutdown")
        try expectNothing("while the server runs, flushed")
        try Self.act(host)
        try host.shutDown()
        try expectNothing("after a shutdown")

        let next = try place.server(["IDENTITIES": mode, "FLUSH_INTERVAL": "1h"])
        try Self.act(next)
        next.kill()
        // The rings hold what has not been drained yet, until something drains it.
        try expectNothing("after a kill", leaving: ["live.qpcm"])
        #expect(try !Attacker.finds(Self.secrets, in: place.path).isEmpty, "the ring had nothing to recover")
        _ = try place.tool.succeed("recover")
        try expectNothing("after the recovery by the command")

        let third = try place.server(["IDENTITIES": mode, "FLUSH_INTERVAL": "1h"])
        try Self.act(third)
        third.kill()
        try place.server(["IDENTITIES": mode]).shutDown()
        try expectNothing("after the recovery by a start")
        try place.tool.verify()
        #expect(try place.tool.count() == 4 * 7)
    }
}

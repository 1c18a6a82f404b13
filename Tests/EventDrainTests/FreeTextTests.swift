import Foundation
import MetricsModel
import TestSupport
import Testing

/// Reasons of failed logins: the server's free text, which may contain a name.
@Suite struct FreeTextTests {
    private func expect(
        _ user: String, _ reason: String, becomes expected: String, in history: EpochHistory
    ) throws {
        // Cut as the hook cuts it.
        let cut = Array(reason.utf8.prefix(256))
        #expect(try history.login(user, reason: cut) == expected, "\(user): \(reason)")
    }

    @Test("The user's name is replaced, whatever its case", arguments: [IdentityMode.pseudonym, .none])
    func names(mode: IdentityMode) throws {
        let history = try EpochHistory(identities: mode, rotationDays: nil)
        for (user, reason, expected) in [
            ("alice", "user alice not found", "user [user] not found"),
            ("alice", "alice", "[user]"),
            ("alice", "alicealice!alice", "[user][user]![user]"),
            ("alice", "ALICE or Alice or aLiCe@example.org", "[user] or [user] or [user]@example.org"),
            ("Alice", "no such user: malice", "no such user: m[user]"),
            ("ÉMILE", "émile and Émile", "[user] and [user]"),
            ("Ωμέγα", "ωΜΈΓΑ", "[user]"),
            ("Анна", "нет АННА, Ёж", "нет [user], Ёж"),
            ("Ёж", "Ёж ёж", "[user] [user]"),
            ("Łódź", "łÓDŹ", "[user]"),
            ("Ÿves", "ÿVES", "[user]"),
            ("李雷", "用户李雷不存在", "用户[user]不存在"),
            ("", "user  not found", "user  not found"),
            // A short name occurs in many words; it counts as a name only where it stands alone.
            ("a", "user a has an account", "user [user] has an account"),
            ("a", "a", "[user]"),
            ("jo", "JO: jo's job (jo)", "[user]: [user]'s job ([user])"),
            ("é", "é éa aé", "[user] éa aé"),
            ("x\u{0}y", "got x\u{0}y", "got [user]"),
            ("[user]", "[user] [USER]", "[user] [user]"),
        ] { try expect(user, reason, becomes: expected, in: history) }
    }

    @Test func aNameThatWasCutAtTheEndIsReplacedToo() throws {
        let history = try EpochHistory(rotationDays: nil)
        let filler = String(repeating: ".", count: 251)
        for end in ["alice-liddell", "ALICE-LIDDELL", "Alice"] {
            let found = try #require(try history.login("alice-liddell", reason: Array((filler + end).utf8.prefix(256))))
            #expect(found.utf8.count <= 256 && found.hasPrefix(filler) && !found.lowercased().contains("ali"), "\(found)")
        }
        // This was not cut: the beginning of a name is not the name.
        try expect("alice-liddell", "it was ali", becomes: "it was ali", in: history)
        let long = String(repeating: "n", count: 300)
        #expect(try history.login(String(long.prefix(256)), reason: Array(("x " + long).utf8.prefix(256))) == "x [user]")
    }

    @Test func aReasonIsTextOfAtMost256Bytes() throws {
        let history = try EpochHistory(rotationDays: nil)
        var random = SeededGenerator.announced("aReasonIsTextOfAtMost256Bytes")
        for round in 0..<500 {
            let bytes = round % 2 == 0 ? random.bytes(256) : Array(String(repeating: "bob€", count: 60).utf8.prefix(256))
            let found = try #require(try history.login(round % 3 == 0 ? "bob" : "zoe", reason: bytes), "no valid UTF-8")
            #expect(found.utf8.count <= 256)
            #expect(found.utf8.count > 200)
        }
    }

    @Test func atMostAThousandReasonsAreKept() throws {
        let history = try EpochHistory(rotationDays: nil)
        // Longer than what the cache keeps, so that each is looked up.
        func reason(_ number: Int) -> String { "reason \(number) " + String(repeating: "-", count: 80) }
        for number in 0..<1100 {
            let expected = number < 999 ? reason(number) : "other"
            #expect(try history.login("zoe", reason: Array(reason(number).utf8)) == expected)
        }
        #expect(try history.writer.database.integer("SELECT count(*) FROM reason_name") == 1000)
        // Reasons that are kept stay themselves, also after a restart.
        try history.reopen(rotationDays: nil)
        for number in [0, 500, 998] {
            #expect(try history.login("zoe", reason: Array(reason(number).utf8)) == reason(number))
        }
        #expect(try history.login("zoe", reason: Array("new".utf8)) == "other")
        #expect(try history.writer.database.integer("SELECT count(*) FROM reason_name") == 1000)
    }

    @Test func plainModeKeepsWhatCame() throws {
        let history = try EpochHistory(identities: .plain, rotationDays: nil)
        try expect("alice", "user alice not found", becomes: "user alice not found", in: history)
    }
}

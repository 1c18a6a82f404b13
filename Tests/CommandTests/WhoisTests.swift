import Foundation
import TestSupport
import Testing

/// `whois`: from pseudonyms to people, and back.
@Suite struct WhoisTests {
    let place = DataPlace()

    private static let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

    /// Alice registers a key and fails to log in; Bob logs in; Alice's key sends a message.
    private func act(_ host: ServerHost) throws {
        try host.ask("register user=text:alice identity=\(Self.key)")
        try host.ask("auth user=text:alice ok=0 reason=text:credentials")
        try host.ask("auth user=text:bob ok=1")
        try host.ask("message sender=\(Self.key) recipient=\(Self.key) channel=\(Self.key.prefix(32)) bytes=9 seq=7")
    }

    private func list(_ lines: String...) throws -> String {
        try overwrite(place.temporary("names"), with: Array(lines.map { $0 + "\n" }.joined().utf8))
        return place.temporary("names")
    }

    private func ask(_ words: String...) throws -> [[String: Any]] {
        let outcome = try place.tool.run(["whois", "-o", "json"] + words)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(outcome.text.utf8)) as? [[String: Any]])
    }

    @Test func aPseudonymLeadsToItsNameAndANameToItsPseudonyms() throws {
        let host = try place.server()
        try act(host)
        try host.shutDown()
        let event = try #require(try place.tool.events("--kind", "user_registered").first)
        let user = try #require(event["user"]?.text)
        let identity = try #require(event["identity"]?.text)
        let names = try list("carol", "alice", Self.key, "bob\r", "")

        for digits in [4, 5, 12, 32] {
            let found = try ask(String(user.prefix(digits)), "--names", names)
            #expect(found.count == 1 && found[0]["name"] as? String == "alice" && found[0]["pseudonym"] as? String == user)
            #expect(found[0]["kinds"] as? [String] == ["user"])
        }
        let key = try ask(identity.uppercased(), "--names", names)
        #expect(key.first?["name"] as? String == Self.key && key.first?["kinds"] as? [String] == ["identity"])
        // Everything that the list explains: two users and a key. The channel, the first half of that key, is not in the list.
        #expect(try Set(ask("--names", names).compactMap { $0["name"] as? String }) == ["alice", "bob", Self.key])

        let hers = try ask("--user", "alice")
        #expect(hers.count == 2)
        #expect(hers[0]["pseudonym"] as? String == user && hers[0]["events"] as? Int == 2 && hers[0]["last"] != nil)
        #expect(hers[1]["pseudonym"] as? String == identity && hers[1]["events"] as? Int == 2)
        let back = try ask("--identity", Self.key)
        #expect(Set(back.compactMap { $0["pseudonym"] as? String }) == [user, identity])
        let table = try place.tool.succeed("whois", "--user", "alice").text
        #expect(table.contains(user) && table.contains("alice") && table.contains("(registered with alice)"))
        let csv = try place.tool.succeed("whois", user, "--names", names, "-o", "csv").lines
        #expect(csv.count == 2 && csv[1].hasPrefix("\(user),alice,user,"))
    }

    @Test func namesStandBesideThePseudonymsThatTheyExplain() throws {
        let host = try place.server()
        try act(host)
        try host.ask("auth user=text:dora ok=0 reason=text:credentials")
        try host.shutDown()
        let registered = try #require(try place.tool.events("--kind", "user_registered").first)
        let user = try #require(registered["user"]?.text)
        let key = try #require(registered["identity"]?.text)
        // Alice's key is named through her registration; once it has its own line in the list, through that line.
        let names = try list("alice", "bob", "nobody")
        let byUser = try place.tool.events("--names", names)
        let message = try #require(byUser.first { $0["kind"]?.text == "message_enqueue" })
        #expect(message["sender"]?.text == key && message["sender_name"]?.text == "alice")
        #expect(message["recipient_name"]?.text == "alice" && message["channel_name"] == nil)
        #expect(byUser.filter { $0["user_name"] != nil }.count == 3 && byUser.contains { $0["user_name"]?.text == "bob" })
        let named = try list("alice", "\(Self.key) Alice's phone")
        let phone = try place.tool.events("--names", named).first { $0["kind"]?.text == "message_enqueue" }
        #expect(phone?["sender_name"]?.text == "Alice's phone")

        _ = try list("alice", "bob", "nobody")
        func lines(_ words: String...) throws -> [String] {
            try place.tool.succeed(words + ["--names", names]).lines.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
        }
        // A table distinguishes a user's pseudonym from a key's, also without names.
        let table = try lines("events")
        #expect(table.contains { $0.contains("user \(user) (alice)") && $0.contains("failed: credentials") })
        #expect(table.contains { $0.contains("  \(key) (alice)") && $0.contains("9 B") })
        #expect(try place.tool.succeed("events").lines.contains { $0.contains("user \(user)  ") })
        let csv = try lines("events", "-o", "csv", "--kind", "auth")
        #expect(csv[0].hasSuffix("identity,sender_name,recipient_name,user_name,initiator_name,peer_name,identity_name"))
        #expect(csv[1].hasSuffix(",,,alice,,,") && csv[3].hasSuffix(",,,,,,"))

        let count = try lines("count", "--by", "user", "--failed")
        #expect(count.contains { $0.hasPrefix("\(user) (alice)") } && !count.contains { $0.contains("bob") })
        #expect(try lines("count", "--by", "user,reason", "-o", "csv", "--failed").contains("\(user),alice,credentials,1"))
        #expect(try lines("count", "--by", "sender", "-o", "ndjson")[0].contains(#""sender_name":"alice""#))
        let stats = try lines("stats", "--since", "2020-01-01")
        #expect(stats.contains { $0.contains("\(user) (alice)") } && stats.contains { $0.contains("\(key) (alice)") })
        #expect(try lines("stats", "--since", "2020-01-01", "-o", "csv").contains("failed_user,\(user),name,alice"))
        #expect(
            try lines("stats", "--since", "2020-01-01", "-o", "json").contains {
                $0.replacing(" ", with: "").contains(#""user_name":"alice""#)
            })
    }

    @Test func namesThatCannotBeLookedUpAreAnError() throws {
        let host = try place.server()
        try act(host)
        try host.shutDown()
        let names = try list("alice")
        for command in [["events"], ["count", "--by", "user"], ["stats"]] {
            let missing = try place.tool.run(command + ["--names", place.temporary("nothing")])
            #expect(missing.status == 66 && missing.errors.contains("cannot read"), "\(missing.errors)")
        }
        unlink(place("identity.key"))
        let keyless = try place.tool.run("events", "--names", names)
        #expect(keyless.status == 77 && keyless.errors.contains("cannot look up names"), "\(keyless.errors)")
    }

    /// A log in plain mode has users' names, and keys without a name.
    @Test func aLogWithoutPseudonymsShowsWhoseKeysAre() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        try act(host)
        try host.shutDown()
        let names = try list("\(Self.key.uppercased())  Alice's phone")
        let events = try place.tool.events("--names", names, "--kind", "message_enqueue")
        #expect(events.first?["sender"]?.text == Self.key && events.first?["sender_name"]?.text == "Alice's phone")
        #expect(try place.tool.events("--names", list("alice")).contains { $0["identity_name"]?.text == "alice" })
    }

    @Test func everyEpochIsTried() throws {
        for _ in 0..<2 {
            let host = try place.server(["KEY_ROTATION": "1ms"])
            try act(host)
            try host.shutDown()
        }
        let users = try Set(place.tool.events("--kind", "user_registered").compactMap { $0["user"]?.text })
        #expect(users.count == 2, "the key was not rotated")
        let names = try list("alice")
        let found = try ask(users.first!, users.sorted().last!, "--names", names)
        #expect(Set(found.compactMap { $0["pseudonym"] as? String }).isSubset(of: users))
        #expect(try Set(ask("--user", "alice").filter { $0["name"] != nil }.compactMap { $0["pseudonym"] as? String }) == users)
    }

    @Test func whatCannotBeAnsweredIsAnError() throws {
        let host = try place.server()
        try act(host)
        try host.shutDown()
        let names = try list("carol")
        let user = try #require(try place.tool.events("--kind", "user_registered").first?["user"]?.text)
        let unknown = try place.tool.run("whois", user, "--names", names)
        #expect(
            unknown.status == 1 && unknown.text.contains("unknown")
                && unknown.errors.contains("no name in the list explains 1 pseudonym")
        )
        for (words, status, says) in [
            (["whois"], 64, "needs one of --names"), (["whois", "abc", "--names", names], 64, "4 to 32 hexadecimal digits"),
            (["whois", "xyzz", "--names", names], 64, "4 to 32 hexadecimal digits"),
            (["whois", user, "--user", "alice"], 64, "needs one of"), (["whois", "--identity", "xyz"], 64, "hexadecimal"),
            (["whois", "--names", place.temporary("nothing")], 66, "No such file"),
            (["whois", "--names", place.temporary.path], 66, "Is a directory"),
        ] as [([String], Int32, String)] {
            let outcome = try place.tool.run(words)
            #expect(outcome.status == status && outcome.errors.contains(says), "\(words): \(outcome.errors)")
        }
        let nobody = try place.tool.run("whois", "--names", names)
        #expect(nobody.status == 0 && nobody.errors.contains("none of these names is in the log"))
        unlink(place("identity.key"))
        let keyless = try place.tool.run("whois", "--user", "alice")
        #expect(keyless.status == 77 && keyless.errors.contains("cannot look up names"), "\(keyless.errors)")
        let plain = try Fixture.plain.place.tool.run("whois", "--user", "alice")
        #expect(plain.status == 64 && plain.errors.contains("this log has no pseudonyms"))
    }

    /// A command's arguments are for every user to see.
    @Test func namesCanBeKeptOutOfTheArguments() throws {
        let host = try place.server()
        try act(host)
        try host.shutDown()
        let command = [BuiltProducts.commandLine, "whois", "--dir", place.path, "-o", "csv"]
        let given = try place.tool.run("whois", "-o", "csv", "--user", "alice")
        #expect(given.status == 0 && given.lines.count == 3, "\(given.text)")
        let file = try place.tool.run("whois", "-o", "csv", "--user-file", list("alice", ""))
        #expect(file.status == 0 && file.text == given.text, "\(file.errors)")
        let input = try run(command + ["--user-file", "-"], input: "alice\nbob\r\n")
        #expect(input.status == 0 && input.lines.count == 4 && input.text.hasPrefix(given.text), "\(input.text)")
        for (words, status) in [(["--user-file", "-", "--user", "bob"], 64), (["--user-file", place.temporary("none")], 66)] {
            #expect(try run(command + words, input: "alice\n").status == Int32(status), "\(words)")
        }
        #expect(try run(command + ["--user-file", "-"], input: "\n").status == 64)
        for command in ["whois", "forget"] {
            let help = try place.tool.succeed(command, "--help").text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(
                help.contains("Every user of this machine can see the arguments of a running command, as with ps."), "\(help)")
        }
    }

    @Test func forgetReadsNamesToo() throws {
        let host = try place.server()
        try act(host)
        try host.ask("auth user=text:carol ok=1")
        try host.shutDown()
        let command = [BuiltProducts.commandLine, "forget", "--dir", place.path]
        let dry = try run(command + ["--user-file", "-", "--dry-run"], input: "alice\nbob\n")
        #expect(dry.status == 0 && dry.text.contains("forget will remove 3 of 5 events") && dry.text.contains("1 of 5"), "\(dry)")
        #expect(try place.tool.count() == 5)
        let done = try run(command + ["--user-file", "-"], input: "alice\nmallory\nbob\n")
        #expect(done.status == 1 && done.errors.contains("the log does not know 1 of 3 names"), "\(done.errors)")
        #expect(done.lines.count == 2 && done.lines[0].hasPrefix("3 events removed"), "\(done.text)")
        #expect(try place.tool.count() == 1, "only carol's is left")
        try place.tool.verify()
        #expect(try run(command + ["--user-file", list("carol"), "--user", "bob"]).status == 64)
        #expect(try run(command + ["--user-file", list("carol"), "-o", "json"]).text.contains("\"events\":1"))
        #expect(try place.tool.count() == 0)
    }

    @Test func aHostileNameNeverReachesATerminalRaw() throws {
        let host = try place.server()
        try host.ask("auth user=text:%1b[2Jx ok=1")
        try host.shutDown()
        let names = try list("\u{1B}[2Jx")
        let command = "'\(BuiltProducts.commandLine)' whois --names '\(names)' --dir '\(place.path)'"
        for format in ["table", "json", "csv"] {
            let shown = try run(["script", "-qec", command + " -o \(format)", "/dev/null"])
            #expect(
                shown.status == 0 && shown.text.contains("[2Jx") && !shown.text.contains("\u{1B}[2J"), "\(format): \(shown.text)")
        }
    }
}

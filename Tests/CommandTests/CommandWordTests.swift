import Foundation
import TestSupport
import Testing

/// Typos, and how the command reports a word that it does not know.
@Suite struct CommandWordTests {
    private var tool: CommandLineTool { Fixture.plain.place.tool }

    @Test(
        "A time with a minus is never taken for options, and a misspelt word is blamed by name",
        arguments: [
            (["stats", "--sicne", "-1h"], "unknown option '--sicne'; did you mean '--since'? See qpc-metrics stats --help"),
            (
                ["events", "--sicne", "-1h", "-c"],
                "unknown option '--sicne'; did you mean '--since'? See qpc-metrics events --help"
            ),
            (
                ["events", "-1h"],
                "unexpected argument '-1h': a time needs an option, such as --since -1h; see qpc-metrics events --help"
            ),
            (
                ["prune", "--older", "-24h"],
                "unknown option '--older'; did you mean '--older-than'? See qpc-metrics prune --help"
            ),
            (["verify", "-xyh"], "unknown option '-x' in '-xyh'; see qpc-metrics verify --help"),
            (["events", "-o", "-1h"], "invalid value '-1h' for --output: expected table, json, ndjson or csv"),
            (["evnts", "-1h"], "unknown command 'evnts'; did you mean 'events'? See qpc-metrics --help"),
            (["help", "evnts"], "unknown command 'evnts'; did you mean 'events'? See qpc-metrics --help"),
            (["xyzzy"], "unknown command 'xyzzy'; see qpc-metrics --help"),
            (["events", "--json"], "unknown option '--json'; did you mean '-o json'? See qpc-metrics events --help"),
            (["stats", "--zzz", "auth"], "unknown option '--zzz'; see qpc-metrics stats --help"),
            (["events", "--since"], "missing value for --since <time>; see qpc-metrics events --help"),
            (["events", "--since", "--failed"], "missing value for --since <time>; see qpc-metrics events --help"),
            (["events", "surplus"], "unexpected argument 'surplus'; see qpc-metrics events --help"),
            (["status", "-3"], "unexpected argument '-3'; see qpc-metrics status --help"),
            (["events", "--since", "yesteday"], "invalid value 'yesteday' for --since: did you mean 'yesterday'?"),
            (
                ["events", "--kind", "logins"],
                "invalid value 'logins' for --kind: expected message_enqueue, batch_enqueue, auth, channel_created, fetch or "
                    + "user_registered; did you mean 'auth'?"
            ),
            (
                ["count", "--by", "users"],
                "invalid value 'users' for --by: expected one or two of kind, user, sender, recipient, identity, channel, "
                    + "reason, class, minute, hour, day, weekday, hour_of_day; did you mean 'user'?"
            ),
            (["whois", "alice"], "for the pseudonyms of a user, qpc-metrics whois --user alice; see qpc-metrics whois --help"),
            (
                ["whois", "86d95"],
                "to find the name of 86d95, give the names to try with --names FILE; see qpc-metrics whois --help"
            ),
            (
                ["events", "--kind", "atuh"],
                "invalid value 'atuh' for --kind: expected message_enqueue, batch_enqueue, auth, channel_created, fetch or "
                    + "user_registered; did you mean 'auth'?"
            ),
            (
                ["--dir", "x", "events"],
                "unexpected option '--dir' before the command; put options after it, as in qpc-metrics events --dir DIRECTORY"
            ),
        ])
    func refusal(words: [String], message: String) throws {
        let outcome = try tool.run(words)
        #expect(outcome.status == 64)
        #expect(outcome.errors == "qpc-metrics: \(message)\n")
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "Short forms mean what they look like",
        arguments: [
            (["-n5"], ["-n", "5"]), (["-20"], ["-n", "20"]), (["-rn3"], ["-r", "-n", "3"]), (["-n=4"], ["-n", "4"]),
            (["--kind", "auth,fetch"], ["--kind", "auth", "--kind", "fetch"]), (["--kind", "AUTH"], ["--kind", "auth"]),
            (["-o", "jsonl", "-n", "2"], ["-o", "ndjson", "-n", "2"]), (["--since", "-1h"], ["--since=-1h"]),
            (["--reason", "-1h"], ["--reason=-1h"]),
        ])
    func shortForms(words: [String], same: [String]) throws {
        let short = try tool.run(["events", "-o", "csv"] + words)
        let long = try tool.run(["events", "-o", "csv"] + same)
        #expect(short.status == 0)
        #expect(short.output == long.output)
        #expect(short.errors == long.errors)
    }

    @Test func misspeltMeasuresGetTheNearestWord() throws {
        let having = try tool.run("count", "--by", "user", "--having", "evnts>3")
        #expect(having.status == 64 && having.errors.hasSuffix("failed_before_ok; did you mean 'events'?\n"), "\(having.errors)")
        let sort = try tool.run("count", "--by", "user", "--sort", "frist")
        #expect(sort.status == 64 && sort.errors.hasSuffix("; did you mean 'first'?\n"), "\(sort.errors)")
        #expect(try !tool.run("count", "--sort", "zzzzz").errors.contains("did you mean"))
    }

    @Test func versionIsAskedForInEveryWay() throws {
        let version = try tool.succeed("--version").text
        for words in [["version"], ["-V"]] { #expect(try tool.succeed(words).text == version) }
    }
}

/// An empty answer says why it is empty.
@Suite struct EmptyAnswerTests {
    let place = DataPlace()

    private func note(_ tool: CommandLineTool, _ words: String...) throws -> String {
        let outcome = try tool.run(words)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.errors
    }

    @Test func whatTheLogDoesNotKnowIsNamed() throws {
        let tool = Fixture.plain.place.tool
        #expect(try note(tool, "events", "--user", "nobody") == "qpc-metrics: note: no events: no such user in the log\n")
        #expect(try note(tool, "events", "--identity", "0123456", "-c").contains("no such key or identity in the log"))
        #expect(try note(tool, "events", "--reason", "zebra").contains("no such reason in the log"))
        #expect(try note(tool, "events", "--until", "2001-01-01").contains("the oldest event in the log is from 20"))
        #expect(try note(tool, "events", "--since", "+1h").contains("the newest event in the log is from 20"))
        #expect(try note(tool, "stats", "--since", "2001-01-01", "--until", "2001-01-02").contains("the oldest event"))
        #expect(try note(tool, "events", "-n", "1").isEmpty)
        #expect(try note(tool, "events", "-n", "0").isEmpty)
    }

    @Test func anEmptyLogAndPendingEventsAreSaid() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        #expect(try note(place.tool, "events") == "qpc-metrics: note: no events: the log is empty\n")
        _ = try host.tally("drive threads=1 calls=20 seed=1")
        host.kill()
        let said = try note(place.tool, "events", "-c")
        #expect(said.contains(" events of the server that died are not in the log yet: run qpc-metrics recover"), "\(said)")
    }

    /// An answer with events in it lacks those of a server that died, too.
    @Test func pendingEventsAreSaidBesideAnAnswer() throws {
        let first = try place.server()
        try first.ask("fetch count=1")
        try first.shutDown()
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("fetch count=2")
        let words = " not in the log yet: run qpc-metrics recover"
        for command in ["events", "count", "stats"] { #expect(try !note(place.tool, command).contains(words), "it runs") }
        host.kill()
        for command in ["events", "count", "stats"] {
            #expect(try note(place.tool, command).contains("1 event of the server that died is" + words), "\(command)")
        }
        _ = try place.tool.succeed("recover")
        for command in ["events", "count", "stats"] { #expect(try note(place.tool, command).isEmpty, "\(command)") }
    }

    @Test func aLogWithoutNamesSaysSo() throws {
        let host = try place.server(["IDENTITIES": "none"])
        try host.ask("auth user=text:alice ok=1")
        try host.shutDown()
        #expect(
            try note(place.tool, "events", "--user", "alice", "-c")
                .contains("the log holds no users: the plugin runs with QPC_METRICS_PLUGIN_IDENTITIES=none"))
    }

    @Test func contradictionsAreRefused() throws {
        let outcome = try Fixture.plain.place.tool.run("events", "--failed", "--kind", "fetch")
        #expect(
            outcome.status == 64 && outcome.errors.contains("--kind fetch cannot be used with --failed: --failed is about auth"))
    }

    @Test func aNameThatCannotBeLookedUpIsNoEmptyAnswer() throws {
        guard User.canBeChosen else { return skip("a reader without the key", because: "only root can be another user") }
        let host = try place.server()
        try host.ask("auth user=text:alice ok=1")
        try host.shutDown()
        place.letEverybodyRead()
        let outcome = try CommandLineTool(place.path, user: .nobody).run("events", "--user", "alice", "-c")
        #expect(outcome.status == 77 && outcome.errors.contains("cannot look up --user alice"), "\(outcome.errors)")
        // What its own tables show needs no key.
        let seen = try #require(try place.tool.events().first?["user"]?.text)
        let reader = CommandLineTool(place.path, user: .nobody)
        #expect(try reader.count("--user", String(seen.prefix(8))) == 1)
        let other = String(seen.prefix(7)) + (seen.dropFirst(7).first == "0" ? "1" : "0")
        #expect(try reader.run("events", "--user", other, "-c").status == 77)
    }

    @Test("A prefix of four digits or more finds what begins so", arguments: 4...31)
    func prefix(digits: Int) throws {
        let tool = Fixture.pseudonym.place.tool
        let events = try tool.events("--kind", "user_registered")
        let first = events.compactMap { $0["identity"]?.text }.first
        let whole = try #require(first)
        let prefix = String(whole.prefix(digits))
        let expected = try SQLiteShell(tool.directory).query(
            "SELECT count(*) FROM events WHERE identity LIKE '\(prefix)%' OR sender LIKE '\(prefix)%' OR recipient LIKE "
                + "'\(prefix)%' OR initiator LIKE '\(prefix)%' OR peer LIKE '\(prefix)%'")
        #expect(try tool.count("--identity", prefix) == UInt64(expected[0][0]))
        #expect(try tool.count("--identity", prefix.uppercased()) == UInt64(expected[0][0]))
    }

    /// What a table on a terminal shows of a user can be given back to `--user`.
    @Test("A prefix of a user's pseudonym finds the user", arguments: [4, 5, 8, 12, 31])
    func userPrefix(digits: Int) throws {
        let host = try place.server()
        // The beginning of one of these has a digit, as most have.
        let people = (1...9).map { "user\($0)" }
        try host.ask(all: people.map { "auth user=text:\($0) ok=1" })
        try host.ask("auth user=text:abba ok=0 reason=text:credentials")
        try host.shutDown()
        let tool = place.tool
        let users = Set(try tool.events().compactMap { $0["user"]?.text })
        let whole = try #require(users.first { $0.prefix(4).contains(where: \.isNumber) })
        let prefix = String(whole.prefix(digits))
        let expected = users.count { $0.hasPrefix(prefix) }
        #expect(try tool.count("--user", prefix) == UInt64(expected))
        #expect(try tool.count("--user", prefix.uppercased()) == UInt64(expected))
        #expect(try tool.count("--user", "abba") == 1, "a name")
        #expect(try note(tool, "events", "--user", "beef").contains("no such user"), "a name, although it is hexadecimal")
        #expect(try note(tool, "events", "--user", String(prefix.prefix(3))).contains("no such user"))
    }

    @Test func aNameComesBeforeAPseudonymThatBeginsWithIt() throws {
        let host = try place.server()
        try host.ask("auth user=text:alice ok=1")
        try eventually("it is in the log") { try place.tool.count() == 1 }
        let alice = try #require(try place.tool.events().first?["user"]?.text)
        let name = String(alice.prefix(8))
        #expect(try place.tool.count("--user", name) == 1)
        try host.ask(all: Array(repeating: "auth user=text:\(name) ok=0 reason=text:credentials", count: 3))
        try host.shutDown()
        #expect(try place.tool.count("--user", name) == 3)
        #expect(try place.tool.count("--user", name + alice.dropFirst(8).prefix(2)) == 1)
        // A person is removed under the whole name only.
        #expect(try place.tool.run("forget", "--user", String(alice.prefix(12))).status == 1)
        #expect(try place.tool.count() == 4)
    }

    @Test func threeDigitsAreTooFew() throws {
        let outcome = try Fixture.plain.place.tool.run("events", "--channel", "abc")
        #expect(outcome.status == 64 && outcome.errors.contains("the first 4 or more"))
    }
}

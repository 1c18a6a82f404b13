import Foundation
import TestSupport
import Testing

/// Pseudonym epochs, as the server's administrator sees them.
@Suite struct EpochTests {
    let place = DataPlace()

    private var keys: [KeyFile.Epoch] { get throws { try KeyFile(place("identity.key")).epochs } }

    /// Three runs; the key is old enough at each start, and never in between.
    private func threeEpochs() throws {
        for run in 0..<3 {
            let host = try place.server(["KEY_ROTATION": run == 0 ? "off" : "1ms", "FLUSH_INTERVAL": "1h"])
            try AttackerTests.act(host)
            try host.ask("shutdown")
            // Rotated at the start, and again after what was written just now.
            try eventually("run \(run) rotates") { try keys.count == (run == 0 ? 1 : run + 2) }
            if run > 0 {
                try eventually("it is said") { host.errors.contains("a new key epoch has begun") }
                #expect(host.errorLines.count <= 3, "\(host.errors)")
            }
            try host.ask("destroy")
            try host.exit()
        }
    }

    @Test func eachEpochHasItsOwnPseudonymsAndAllAreFound() throws {
        try threeEpochs()
        let events = try place.tool.events()
        #expect(events.count == 3 * 7)
        let users = Set(events.filter { $0.kind == "auth" }.compactMap { $0["user"]?.text })
        #expect(users.count == 3)
        #expect(try place.log.query("SELECT count(*), min(first_id) FROM epoch") == [["3", "1"]])
        // Each row's user is the pseudonym under the key of the epoch that its id is in.
        let rows = try place.log.query(
            """
            SELECT lower(hex(value)), (SELECT max(epoch) FROM epoch WHERE first_id <= auth.id)
            FROM auth JOIN user_name ON user_name.id = auth.user
            """)
        for row in rows {
            let epoch = try #require(try keys.first { $0.number == UInt64(row[1]) })
            let sent: [LoggedEvent] = [["kind": .text("auth"), "user": .text(AttackerTests.alice)]]
            #expect(try Pseudonyms(epoch.key).applied(to: sent)[0]["user"] == .text(row[0]))
        }
        #expect(rows.count == 3)
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 6)
        #expect(try place.tool.count("--identity", hex(AttackerTests.keys[0])) == 3 * 5)
        #expect(try place.tool.count("--channel", hex(AttackerTests.channel)) == 3 * 5)
        #expect(try place.tool.people().active["1d"] == 3)
        try place.tool.verify()

        var secrets = AttackerTests.secrets
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        secrets = try keys.map { Attacker.Secret("the key of epoch \($0.number)", bytes: $0.key) }
        #expect(try Attacker.finds(secrets, in: place.path, leaving: ["identity.key"]).isEmpty)
        #expect(try Attacker.finds(secrets, in: place.path).count == secrets.count)
    }

    @Test func theKeyOfAnEpochGoesWithItsLastEvent() throws {
        try threeEpochs()
        let before = try keys
        let end = try place.log.query("SELECT first_id FROM epoch ORDER BY epoch LIMIT 1 OFFSET 1")[0][0]
        for table in logTables { try place.log.change("DELETE FROM \(table) WHERE id < \(end)") }
        let host = try place.server()
        #expect(host.errors.contains("destroyed"), "\(host.errors)")
        try host.shutDown()
        #expect(try keys.map(\.number) == Array(before.dropFirst().map(\.number)))
        #expect(try Attacker.finds([Attacker.Secret("key 1", bytes: before[0].key)], in: place.path).isEmpty)
        // Everybody is still found in what is left.
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 4)
    }

    /// A key is known only through its owner's name: under another epoch's pseudonym nobody knows whose it is.
    @Test("Who is forgotten is forgotten in every epoch", arguments: [false, true])
    func forgotten(isRunning: Bool) throws {
        try threeEpochs()
        let sent: [LoggedEvent] = [
            [
                "kind": .text("user_registered"), "user": .text(AttackerTests.alice),
                "identity": .text(hex(AttackerTests.keys[0])),
            ]
        ]
        var secrets = AttackerTests.secrets
        for epoch in try keys {
            for (field, value) in try Pseudonyms(epoch.key).applied(to: sent)[0] where field != "kind" {
                secrets.append(try Attacker.Secret("\(field) in epoch \(epoch.number)", hexadecimal: value.text ?? ""))
            }
        }
        #expect(try Attacker.finds(secrets, in: place.path).count >= 6)
        let host = isRunning ? try place.server() : nil
        let user = try place.tool.run("forget", "--user", AttackerTests.alice)
        #expect(user.status == 0, "\(user.errors)")
        // She registered in each epoch, so nothing is left to find under her key.
        let key = try place.tool.run("forget", "--identity", hex(AttackerTests.keys[0]))
        #expect(key.status == 1 && key.errors.contains("no such name"), "\(key.errors)")
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
        // What only others did is still there.
        #expect(try place.tool.count() == 3)
        try place.tool.verify()
        try host?.shutDown()
        #expect(try Attacker.finds(secrets, in: place.path).isEmpty)
    }

    /// The command that removes events also destroys the keys that nothing needs any more.
    @Test("prune destroys the keys of what it removes", arguments: [false, true])
    func pruned(isRunning: Bool) throws {
        try threeEpochs()
        let before = try keys
        let host = isRunning ? try place.server() : nil
        try eventually("all events are a second old") {
            _ = try place.tool.succeed("prune", "--older-than", "1s")
            return try place.tool.count() == 0
        }
        let after = try keys
        #expect(after.count == 1 && after[0] == before.last, "\(after.map(\.number))")
        let gone = before.dropLast().map { Attacker.Secret("key \($0.number)", bytes: $0.key) }
        #expect(try Attacker.finds(gone, in: place.path).isEmpty)
        try host?.shutDown()
        try place.tool.verify()
    }

    @Test func rotationThatFailsStopsNothing() throws {
        let host = try place.server(["KEY_ROTATION": "1ms"])
        mkdir(place("identity.key.new"), 0o700)
        try AttackerTests.act(host)
        try host.ask("shutdown")
        try eventually("it is said") { host.errors.contains("identity.key.new") }
        for _ in 0..<5 {
            try AttackerTests.act(host)
            try host.ask("shutdown")
        }
        #expect(host.errorLines.filter { $0.contains("identity.key") }.count == 1, "\(host.errors)")
        try host.shutDown()
        #expect(try place.tool.count() == 6 * 7)
        #expect(try keys.count <= 2)
        try place.tool.verify()
    }

    @Test func aKilledServersEventsAreFoundTooAfterARotation() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        host.kill()
        for _ in 0..<2 {
            let next = try place.server(["KEY_ROTATION": "1ms", "FLUSH_INTERVAL": "1h"])
            try AttackerTests.act(next)
            next.kill()
        }
        _ = try place.tool.succeed("recover")
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 6)
        #expect(try keys.count >= 2)
        try place.tool.verify()
        #expect(try Attacker.finds(AttackerTests.secrets, in: place.path).isEmpty)
    }

    @Test func anOlderKeyAndLogGoOn() throws {
        let host = try place.server()
        try AttackerTests.act(host)
        try host.shutDown()
        // As an older version left them: 32 bytes, and no epoch table.
        try overwrite(place("identity.key"), with: keys[0].key)
        try place.log.change("DROP TABLE epoch")
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 2)
        let next = try place.server(["KEY_ROTATION": "1ms", "FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(next)
        try next.shutDown()
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 4)
        #expect(try place.log.query("SELECT * FROM epoch")[0] == ["1", "1"])
        try place.tool.verify()
    }

    /// A promise made to people holds even if the administrator's mind changed before the events were in the log.
    @Test func aDeadServersEventsAreWrittenAsItsSettingsSaid() throws {
        for (then, now) in [("none", "plain"), ("pseudonym", "plain"), ("none", "pseudonym")] {
            let host = try place.server(["IDENTITIES": then, "PAIRS": "off", "FLUSH_INTERVAL": "1h"])
            try AttackerTests.act(host)
            host.kill()
            try place.server(["IDENTITIES": now]).shutDown()
            #expect(try Attacker.finds(AttackerTests.secrets, in: place.path).isEmpty, "\(then), then \(now)")
        }
        #expect(try place.log.query("SELECT count(*) FROM message WHERE recipient IS NOT NULL") == [["0"]])
        #expect(try place.tool.count() == 3 * 7)
        try place.tool.verify()
    }
}

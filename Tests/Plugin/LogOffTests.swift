import Foundation
import TestSupport
import Testing

/// `QPC_METRICS_PLUGIN_LOG=off`: counters and gauges as ever, and nothing of any event in any file.
@Suite struct LogOffTests {
    let place = DataPlace()
    private static let words = "the log is off (QPC_METRICS_PLUGIN_LOG=off)"

    /// What must not be found: names, keys, the channel, the server's words, and the pseudonyms under which they could hide.
    private func secrets() -> [Attacker.Secret] {
        AttackerTests.secrets + [Attacker.Secret(name: "not found"), Attacker.Secret(name: "alice-OF")]
    }

    private func expectNothing(_ what: String, leaving: Set<String> = []) throws {
        let finds = try Attacker.finds(secrets(), in: place.path, leaving: leaving)
        #expect(finds.isEmpty, "\(what): \(finds)")
        // Tables that hold rows, names, or anything about a minute, must be empty.
        for table in logTables + Self.tables {
            #expect(try place.log.query("SELECT count(*) FROM \(table)") == [["0"]], "\(what): \(table)")
        }
        #expect(!names(in: place.path).contains("identity.key"), "\(what): a key")
    }

    private static let tables = [
        "identity_name", "user_name", "channel_name", "reason_name", "epoch", "waiting", "delivery_minute", "drop_minute",
        "row_check",
        "segment", "segment_minute", "segment_size", "segment_failure", "posting",
    ]

    @Test func nothingOfAnyEventIsInAnyFile() throws {
        let host = try place.server(["LOG": "off"])
        try AttackerTests.act(host)
        try host.ask("shutdown")
        try expectNothing("while the server runs, flushed")
        try AttackerTests.act(host)
        try host.shutDown()
        try expectNothing("after a shutdown")

        for recovers in [true, false] {
            let next = try place.server(["LOG": "off", "FLUSH_INTERVAL": "1h"])
            try AttackerTests.act(next)
            next.kill()
            try expectNothing("after a kill", leaving: ["live.qpcm"])
            #expect(try !Attacker.finds(secrets(), in: place.path).isEmpty, "the ring had nothing to recover")
            if recovers {
                #expect(try place.tool.succeed("recover").text == "7 events counted, and not kept: \(Self.words)\n")
            } else {
                // A dead server's setting holds for what it recorded, whatever the next one's.
                try place.server(["LOG": "on"]).shutDown()
                unlink(place("identity.key"))
            }
            try expectNothing("recovered, by the command: \(recovers)")
        }
        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.recorded) == [4, 8, 4, 4, 4, 4])
        #expect(ledger.lines.allSatisfy { $0.inLog == 0 && $0.pending == 0 && $0.dropped == 0 && $0.removed == $0.recorded })
    }

    @Test func countersAreTheHostsOwnSums() throws {
        let host = try place.server(["LOG": "off"])
        let tally = try host.tally("drive threads=4 calls=6000 seed=20")
        try host.ask("shutdown")
        for isRunning in [true, false] {
            let metrics = try place.tool.exposition()
            for (index, kind) in eventKinds.enumerated() {
                let label = "{kind=\"\(kind)\"}"
                #expect(try metrics.value("qpc_hook_calls_total{hook=\"\(kind)\"}") == tally.calls[index])
                #expect(try metrics.value("qpc_plugin_events_recorded_total" + label) == tally.events[index])
                #expect(try metrics.value("qpc_plugin_events_written_total" + label) == tally.events[index])
                #expect(metrics.sum("qpc_plugin_events_dropped_total", "kind=\"\(kind)\"") == 0)
                let removed = "qpc_plugin_events_removed_total{kind=\"\(kind)\",cause="
                #expect(try metrics.value(removed + "\"retention\"}") == tally.events[index])
                #expect(try metrics.value(removed + "\"forget\"}") == 0)
            }
            #expect(try metrics.value("qpc_message_payload_bytes_sum{path=\"single\"}") == tally["message_bytes"])
            #expect(try metrics.value("qpc_sealed_messages_total{path=\"batch\"}") == tally["batch_sealed"])
            #expect(metrics.sum("qpc_auth_failures_total") == tally["failed"])
            #expect(try metrics.value("qpc_fetch_messages_sum") == tally["fetched"])
            #expect(try metrics.value("qpc_channels_created_total") == tally["new"])
            #expect(try metrics.value("qpc_plugin_pending_events") == 0)
            let ledger = try place.tool.verify()
            #expect(ledger.lines.map(\.removed) == tally.events && ledger.lines.allSatisfy { $0.inLog == 0 })
            #expect(ledger.text.contains(Self.words))
            if isRunning {
                try host.ask("destroy")
                try host.exit()
            }
        }
        // Segments are never begun: ids are not used up.
        #expect(try place.log.query("SELECT value FROM state WHERE key = 'last_id'") == [["0"]])
    }

    /// `QPC_KILLS` divided by ten says how often.
    @Test func aKillLosesNoCountAndDoublesNone() throws {
        let kills = (BuiltProducts.setting("QPC_KILLS").flatMap { Int($0) } ?? 200) / 10
        var generator = SeededGenerator.announced("\(kills) kills with the log off")
        var returned = [UInt64](repeating: 0, count: 6)
        var inFlight: UInt64 = 0
        var before = try Exposition("")
        for kill in 0..<kills {
            let host = try place.server(["LOG": "off", "FLUSH_INTERVAL": kill % 3 == 0 ? "250ms" : "1ms"])
            let risen = kill == 0 ? before : try place.tool.exposition()
            #expect(risen.lower(than: before).isEmpty, "\(risen.lower(than: before))")
            if kill > 0 { #expect(try risen.value("qpc_plugin_pending_events") == 0) }
            let journal = place.temporary("journal-\(kill)")
            let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
            try host.ask(
                "drive threads=4 calls=1 seed=\(seed) endless=1 first=\(kill * 4) pause_us=20 "
                    + "journal=\(ServerHost.encoded(journal))"
            )
            usleep(.random(in: 5000...60000, using: &generator))
            if kill % 5 == 1 { unlink(place("events.db")) }
            host.kill()
            let dead = try place.tool.exposition()
            #expect(dead.lower(than: risen).isEmpty, "\(dead.lower(than: risen))")
            if kill % 4 == 2 { _ = try place.tool.succeed("recover") }
            before = dead
            let done = try Journal(journal)
            for kind in 0..<6 { returned[kind] += done.returned(kind) }
            inFlight += 4 * 1000
        }
        try place.server(["LOG": "off"]).shutDown()
        let ledger = try place.tool.verify()
        for kind in 0..<6 {
            let line = ledger.lines[kind]
            #expect(line.recorded >= returned[kind], "\(eventKinds[kind]): \(returned[kind]) returned, \(line)")
            // One call of each thread may have been in progress; a batch's has many messages.
            let most = returned[kind] + (kind == 1 ? inFlight : UInt64(4 * kills))
            #expect(line.recorded <= most, "\(eventKinds[kind]): \(returned[kind]) returned, \(line)")
            #expect(line.inLog == 0 && line.pending == 0 && line.removed + line.dropped == line.recorded)
        }
    }

    @Test func theGaugesKnowWhoIsThere() throws {
        let host = try place.server(["LOG": "off", "FLUSH_INTERVAL": "20ms"])
        func key(_ person: Int) -> String { hex((0..<32).map { UInt8(truncatingIfNeeded: person &* 31 &+ $0 &* 7) }) }
        for person in 0..<6 {
            try host.ask("message sender=\(key(person)) recipient=\(key(person + 1)) channel=\(key(90)) bytes=10 seq=1")
        }
        for user in 0..<5 { for _ in 0..<3 { try host.ask("auth user=text:user-\(user) ok=0 reason=text:locked") } }
        try host.ask("fetch recipient=\(key(1)) channel=\(key(90)) count=1")
        // Seven people; a sketch of so few is off by one once in a thousand times.
        try eventually("the gauges are as they must be", within: 30) {
            let people = try place.tool.people()
            return people.active.count == 3 && people.active.values.allSatisfy { (6...7).contains($0) } && people.waiting == 5
                && people.failing == ["5m": 5, "1h": 5]
        }
        #expect(try place.tool.exposition().value("qpc_delivery_wait_seconds_count") == 1)
        // A new log under the running server: who was seen is still known.
        unlink(place("events.db"))
        try eventually("there is a log again") { names(in: place.path).contains("events.db") }
        try host.ask("fetch recipient=\(key(2)) channel=\(key(90)) count=1")
        try eventually("the gauges go on", within: 30) {
            let people = try place.tool.people()
            return people.waiting == 4 && (6...7).contains(people.active["1d"] ?? 0) && people.failing?["1h"] == 5
        }
        try host.shutDown()
        try place.tool.verify()
        // With the process, its key is gone: nobody is known any more.
        let next = try place.server(["LOG": "off"])
        #expect(try place.tool.exposition().value("qpc_recipients_waiting") == 0)
        try next.shutDown()
    }

    @Test func rowsFromBeforeStayUntilRetentionAndTheLogGoesOnWhenItIsOnAgain() throws {
        let first = try place.server()
        try AttackerTests.act(first)
        try first.shutDown()
        #expect(try place.tool.count() == 7)
        let key = try read(place("identity.key"))

        let off = try place.server(["LOG": "off"])
        try AttackerTests.act(off)
        try off.ask("shutdown")
        let old = try place.tool.run("events", "-c", "--user", AttackerTests.alice)
        #expect(old.status == 0 && old.text == "6\n" && old.errors.contains("\(Self.words): what it shows is from before"))
        let status = try place.tool.run("status")
        #expect(
            status.text.contains("\(Self.words): events are counted, and none is kept; 7 events from before stay until retention")
        )
        #expect(try place.tool.verify().lines.map(\.inLog) == [1, 2, 1, 1, 1, 1])
        try off.ask("destroy")
        try off.exit()
        #expect(try read(place("identity.key")) == key, "the key stays as long as there are rows under it")

        let on = try place.server()
        try AttackerTests.act(on)
        try on.shutDown()
        #expect(try place.tool.count() == 14)
        #expect(try place.tool.events().map(\.id).elementsEqual(1...14), "ids go on")
        #expect(try place.tool.count("--user", AttackerTests.alice) == 12, "under the same key")
        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.recorded) == [3, 6, 3, 3, 3, 3] && ledger.lines.map(\.removed) == [1, 2, 1, 1, 1, 1])

        // Off again, and everything removed: then nothing is left of anybody.
        let last = try place.server(["LOG": "off"])
        _ = try place.tool.succeed("prune", "--all", "--yes")
        try eventually("the key is destroyed with its last row", within: 30) {
            try Attacker.finds(secrets(), in: place.path).isEmpty
                && place.log.query("SELECT count(*) FROM identity_name") == [["0"]]
        }
        try last.shutDown()
        try place.tool.verify()
    }

    @Test func everyCommandSaysThatTheLogIsOff() throws {
        let host = try place.server(["LOG": "off", "IDENTITIES": "plain"])
        #expect(
            host.errors.contains("QPC_METRICS_PLUGIN_IDENTITIES has no effect with QPC_METRICS_PLUGIN_LOG=off"), "\(host.errors)")
        #expect(host.errors.contains(" LOG=off"), "\(host.errors)")
        try AttackerTests.act(host)
        try host.ask("shutdown")
        for command in [
            ["events"], ["events", "-c"], ["events", "--user", "bob"], ["stats"], ["count", "--by", "kind"],
            ["count", "--by", "recipient", "--waiting"], ["count", "--dropped"], ["backfill"],
        ] {
            let outcome = try place.tool.run(command)
            #expect(outcome.status == 0 && outcome.errors.contains(Self.words), "\(command): \(outcome.status) \(outcome.errors)")
            #expect(outcome.errorLines.count == 1, "\(command): \(outcome.errors)")
        }
        for command in [["status"], ["privacy-report"], ["verify"]] {
            #expect(try place.tool.succeed(command).text.contains(Self.words), "\(command)")
        }
        let status = try place.tool.succeed("status").text
        #expect(status.contains("LOG=off") && status.contains("no problems"), "\(status)")
        #expect(try place.tool.succeed("status", "-o", "json").text.contains("\"LOG\":\"off\""))
        #expect(try place.tool.succeed("privacy-report", "-o", "json").text.contains("\"log\":\"off\""))
        let whois = try place.tool.run("whois", "--user", "alice")
        #expect(whois.status == 64 && whois.errors.contains(Self.words), "\(whois.errors)")
        let doctor = try place.tool.run("doctor").text
        #expect(
            doctor.contains(Self.words) && doctor.contains("not needed with LOG=off") && doctor.contains("LOG=off"), "\(doctor)")
        #expect(try place.tool.succeed("top", "--once").text.contains("log off"))
        #expect(try place.tool.exposition().value("qpc_build_info{version=\"\(version())\",identities=\"none\"}") == 1)
        try host.ask("fetch count=1")
        host.kill()
        let died = try place.tool.run("status")
        #expect(died.text.contains("run qpc-metrics recover, which count them"), "\(died.text)")
    }

    private func version() throws -> String {
        let text = try place.tool.succeed("--version").text
        return String(text.split(separator: " ").last?.split(separator: "\n").first ?? "")
    }
}

import Foundation
import TestSupport
import Testing

/// `verify` and `recover`.
@Suite struct LedgerTests {
    let place = DataPlace()

    private func begin() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        _ = try host.tally("drive threads=2 calls=500 seed=1")
        try host.shutDown()
        try place.tool.verify()
    }

    @Test("A row that goes missing is noticed, whichever it is", arguments: Array(zip(logTables, eventKinds)))
    func missingRow(table: String, kind: String) throws {
        try begin()
        try place.log.change(
            """
            CREATE TABLE kept AS SELECT * FROM \(table) WHERE id = (SELECT min(id) FROM \(table));
            DELETE FROM \(table) WHERE id = (SELECT id FROM kept)
            """)
        let tampered = try place.tool.run("verify")
        #expect(tampered.status == 1)
        let lines = try Ledger(tampered.text).lines
        for (index, line) in lines.enumerated() { #expect(line.difference == (eventKinds[index] == kind ? 1 : 0)) }
        try place.log.change("INSERT INTO \(table) SELECT * FROM kept; DROP TABLE kept")
        try place.tool.verify()
    }

    @Test func aRowTooManyIsNoticed() throws {
        try begin()
        try place.log.change("INSERT INTO fetch (id, time, count) VALUES (999999, 1, 1)")
        let tampered = try place.tool.run("verify")
        #expect(tampered.status == 1)
        #expect(try Ledger(tampered.text).lines[4].difference == -1)
    }

    @Test func aNameThatGoesMissingIsNoticed() throws {
        for table in ["identity_name", "user_name", "channel_name", "reason_name"] {
            let place = DataPlace()
            let host = try place.server(["IDENTITIES": "plain"])
            _ = try host.tally("drive threads=1 calls=500 seed=1")
            try host.shutDown()
            try place.tool.verify()
            try place.log.change("DELETE FROM \(table) WHERE id = (SELECT min(id) FROM \(table))")
            #expect(try place.tool.run("verify").status == 1, "\(table)")
        }
    }

    /// In an indexed segment the postings reveal it, in the newest segment the rows.
    @Test(
        "A name of each kind that goes missing is noticed",
        arguments: ["identity_name", "channel_name", "user_name", "reason_name"])
    func missingName(table: String) throws {
        let host = try place.server(["IDENTITIES": "plain", "LOG_LEVEL": "error"])
        _ = try host.tally("drive threads=1 calls=70000 seed=7 wait=1")
        try host.shutDown()
        #expect(try place.log.query("SELECT count(*) >= 1 FROM segment") == [["1"]])
        try place.tool.verify()
        let column = String(table.dropLast("_name".count))
        // One name that only the oldest rows use, and one that the newest use.
        let fields = ["identity": "recipient", "channel": "channel", "user": "user", "reason": "reason"]
        let field = try #require(fields[column])
        let rows = column == "identity" || column == "channel" ? "fetch" : "auth"
        for order in ["ASC", "DESC"] {
            let id = try place.log.query("SELECT \(field) FROM \(rows) WHERE \(field) IS NOT NULL ORDER BY id \(order) LIMIT 1")[
                0][0]
            try place.log.change(
                "CREATE TABLE kept AS SELECT * FROM \(table) WHERE id = \(id); DELETE FROM \(table) WHERE id = \(id)")
            let tampered = try place.tool.run("verify", "-q")
            #expect(tampered.status == 1 && tampered.text.contains("not in \(table)"), "\(order): \(tampered.text)")
            try place.log.change("INSERT INTO \(table) SELECT * FROM kept; DROP TABLE kept")
        }
        try place.tool.verify()
    }

    @Test func itSpeaksJSONAndIsQuiet() throws {
        try begin()
        #expect(try place.tool.succeed("verify", "-q").output.isEmpty)
        func json() throws -> [String: Any] {
            let outcome = try place.tool.run("verify", "-o", "json")
            return try #require(try JSONSerialization.jsonObject(with: Data(outcome.text.utf8)) as? [String: Any])
        }
        let well = try json()
        #expect(well["ok"] as? Bool == true && well["exact"] as? Bool == true && (well["problems"] as? [String])?.isEmpty == true)
        let kinds = try #require(well["ledger"] as? [String: [String: Int]])
        #expect(Set(kinds.keys) == Set(eventKinds))
        #expect(try UInt64(kinds.values.reduce(0) { $0 + ($1["in_log"] ?? 0) }) == place.tool.count())
        try place.log.change("DELETE FROM fetch WHERE id = (SELECT min(id) FROM fetch)")
        let wrong = try json()
        #expect(wrong["ok"] as? Bool == false && (wrong["ledger"] as? [String: [String: Int]])?["fetch"]?["difference"] == 1)
        let quiet = try place.tool.run("verify", "-q")
        #expect(quiet.status == 1 && quiet.text.contains("fetch: recorded"), "\(quiet.text)")
    }

    @Test func aDamagedPageIsNoticed() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=3000 seed=1")
        try host.shutDown()
        var content = try read(place("events.db"))
        let middle = content.count / 2 / 4096 * 4096
        content.replaceSubrange(middle..<middle + 4096, with: [UInt8](repeating: 0xA5, count: 4096))
        try overwrite(place("events.db"), with: content)
        #expect(try place.tool.run("verify").status == 1)
    }

    @Test func theLedgerHoldsAtAnyMomentOfARunningServer() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5ms"])
        // Slower than `verify` reads under a sanitizer; otherwise the log would outgrow it, and each round would take longer.
        try host.ask("drive threads=3 calls=1 seed=1 endless=1 pause_us=500")
        for _ in 0..<40 {
            let ledger = try place.tool.verify()
            #expect(ledger.text.contains("running"))
        }
        let tally = try host.tally("stop")
        try host.shutDown()
        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.recorded) == tally.events)
        #expect(zip(ledger.lines, tally.events).allSatisfy { $0.inLog + $0.dropped == $1 && $0.pending == 0 })
    }

    @Test func aDeadServersPendingEventsAreCountedAndRecovered() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=4 calls=500 seed=1")
        host.kill()
        let dead = try place.tool.verify()
        #expect(dead.lines.map(\.pending) == tally.events)
        #expect(try place.tool.exposition().value("qpc_plugin_pending_events") == tally.total)
        let recovered = try place.tool.succeed("recover").text.replacing(",", with: "")
        #expect(recovered == "\(tally.total) events recovered\n")
        #expect(try place.tool.verify().lines.map(\.inLog) == tally.events)
        #expect(try place.tool.exposition().value("qpc_plugin_pending_events") == 0)
        #expect(try place.tool.succeed("recover").text.hasPrefix("0 events"))
        #expect(try place.tool.rows() == tally.events)
        let next = try place.server()
        try next.shutDown()
        #expect(try place.tool.rows() == tally.events)
        try place.tool.verify()
    }

    @Test func recoverKilledOnTheWayLosesNothing() throws {
        var generator = SeededGenerator.announced("recover killed")
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=4 calls=4000 seed=1")
        host.kill()
        for _ in 0..<12 {
            let recover = try ChildProcess(
                [BuiltProducts.commandLine, "recover", "--dir", place.path], errorFile: "/dev/null")
            usleep(.random(in: 1000...120_000, using: &generator))
            recover.kill()
            recover.wait()
            try place.tool.verify()
        }
        _ = try place.tool.succeed("recover")
        #expect(try place.tool.rows() == tally.events)
        try place.tool.verify()
    }
}

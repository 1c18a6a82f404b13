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
        // No faster than a `verify` reads under a sanitizer: what it has to read would grow meanwhile, and the next take longer.
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

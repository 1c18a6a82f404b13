import Foundation
import TestSupport
import Testing

/// What was dropped is in every answer, whatever the log knows of it yet, and whatever became of the log that listed it.
@Suite struct DropAccountTests {
    let place = DataPlace()

    private func dropped() throws -> UInt64 { try place.tool.exposition().sum("qpc_plugin_events_dropped_total") }

    private func listed(_ words: String...) throws -> UInt64 {
        let groups = try NDJSON.decode(place.tool.succeed(["count", "--dropped", "-o", "ndjson"] + words).output)
        return try groups.reduce(0) { $0 + (try #require($1["events"]?.number)) }
    }

    private func spans() throws -> [[Int64]] {
        try place.log.query("SELECT found, since, until, listed, sum(events) FROM drop_span GROUP BY 1, 2, 3, 4 ORDER BY 1, 4")
            .map { $0.compactMap { Int64($0) } }
    }

    private var now: Int64 { Int64(Date().timeIntervalSince1970 * 1e6) }

    private func grouped(_ value: UInt64) -> String {
        var text = ""
        for (index, digit) in String(value).reversed().enumerated() {
            text = (index % 3 == 0 && index > 0 ? "\(digit)," : "\(digit)") + text
        }
        return text
    }

    /// While another process holds the log's lock, a running server's drops and pending events are in its live file only.
    @Test func dropsAndPendingEventsOfALogThatCannotBeWrittenAreInTheAnswers() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "50ms"])
        try host.ask("fetch count=1")
        try eventually("it is in the log") { try place.tool.count() == 1 }
        let holder = try ChildProcess(["sqlite3", "-batch", place("events.db")], errorFile: "/dev/null")
        try holder.send("BEGIN IMMEDIATE; SELECT 1;\n")
        _ = try holder.line(within: 60)
        _ = try host.tally("drive threads=1 calls=20000 seed=1")
        try eventually("flushes fail") { try place.tool.run("status").text.contains("another process holds the log's lock") }
        let lost = try dropped()
        #expect(lost > 0)

        #expect(try listed() == lost)
        #expect(try listed("--since", "-1h") == lost)
        #expect(try listed("--until", "-1h") == 0)
        #expect(try place.log.query("SELECT count(*) FROM drop_minute")[0][0] == "0", "the log has nothing of it")
        for command in [["events", "-n", "1"], ["events", "-c"], ["count"], ["stats"]] {
            let errors = try place.tool.succeed(command).errors
            #expect(errors.contains("note: \(grouped(lost)) events in this window were dropped"), "\(command): \(errors)")
            #expect(errors.contains("not in the log yet"), "\(command): \(errors)")
        }
        #expect(try !place.tool.succeed("events", "--until", "-1h").errors.contains("not in the log yet, the oldest from -"))
        let ledger = try place.tool.verify()
        #expect(ledger.lines.reduce(0) { $0 + $1.dropped } == lost, "\(ledger)")
        let status = try place.tool.run("status").text
        #expect(status.contains("\(grouped(lost)) events were dropped within the last hour"), "\(status)")

        holder.kill()
        try eventually("the log is written again") { try place.tool.run("status").text.contains(" 0 pending") }
        #expect(try listed() == lost)
        try host.shutDown()
        #expect(try listed() == lost)
        #expect(try spans().isEmpty)
        try place.tool.verify()
    }

    /// Until they are recovered, a dead server's drops are in its live file only.
    @Test func dropsOfADeadServerAreInTheAnswersBeforeTheyAreRecovered() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=1 calls=20000 seed=2")
        host.kill()
        let lost = try dropped()
        #expect(lost > 0)
        #expect(try listed() == lost)
        try place.tool.succeed("recover")
        #expect(try listed() == lost)
    }

    /// Each log of a server lists what was dropped before it began.
    @Test func logsThatAreLostOneAfterAnotherKeepTheAccount() throws {
        let host = try place.server(["FLUSH_INTERVAL": "50ms"])
        var last: UInt64 = 0
        for time in 1...3 {
            try host.ask("fetch count=1")
            try eventually("an event is in the log") { try place.tool.count() > 0 }
            for end in ["", "-wal", "-shm"] { unlink(place("events.db" + end)) }
            try eventually("another log has begun") {
                try fileSize(place("events.db")) != nil && dropped() > last && listed() == dropped()
            }
            last = try dropped()
            #expect(last == UInt64(time))
            #expect(try spans().map { $0[4] } == [Int64](repeating: 1, count: time))
            let status = try place.tool.run("status").text
            #expect(status.contains("\(last) event\(last == 1 ? " was" : "s were") dropped within the last hour"), "\(status)")
        }
        try host.shutDown()
        #expect(try listed() == 3)
    }

    /// Events are missing from the time at which they happened, not from the minute in which their log broke.
    @Test func aWindowKnowsWhatWasLostWithItsLogLater() throws {
        let host = try place.server(["FLUSH_INTERVAL": "50ms"])
        let before = now
        try host.ask(all: ["fetch count=1", "fetch count=1", "auth user=text:alice ok=0"])
        let after = now
        try eventually("they are in the log") { try place.tool.count() == 3 }
        // The log's oldest event is shown within seconds.
        try eventually("the oldest is known") { try place.tool.run("status").text.contains("oldest event") }
        try put(Array("not a log\n".utf8), over: place("events.db"))
        try eventually("another log has begun") { try dropped() == 3 }
        try host.shutDown()

        let span = try #require(try spans().first)
        #expect(span[1] >= before && span[1] <= after && span[2] >= span[1] && span[2] <= after, "\(span) \(before) \(after)")
        #expect(span[3] == 1 && span[4] == 3)
        // As if it had been found an hour later.
        try place.log.change(
            "UPDATE drop_span SET found = found + 3600000000; UPDATE drop_minute SET minute = minute + 60")
        let until = "@\(after / 1_000_000 + 60)"
        let answer = try place.tool.succeed("count", "--dropped", "--until", until)
        #expect(!answer.errors.contains("no events were dropped"), "\(answer.errors)")
        #expect(answer.errors.contains("no event is known to have been dropped in this window"), "\(answer.errors)")
        for command in [["count", "--dropped"], ["count"], ["events"], ["events", "-c"], ["stats"]] {
            let errors = try place.tool.succeed(command + ["--until", until]).errors
            #expect(errors.contains("up to 3 events of this window were lost with a log"), "\(command): \(errors)")
        }
        #expect(try place.tool.succeed("count", "--kind", "auth", "--until", until).errors.contains("up to 1 event of this"))
        let elsewhere = try place.tool.succeed("count", "--dropped", "--until", "@\(before / 1_000_000 - 60)").errors
        #expect(elsewhere.contains("no events were dropped in this window"), "\(elsewhere)")
        #expect(try listed() == 3, "found within the window, they are counted")
    }

    /// The list of drops goes with the log; the counters still know how many there were.
    @Test func dropsWhoseListWasLostAreCountedWithoutAMinute() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5s"])
        _ = try host.tally("drive threads=1 calls=20000 seed=3")
        try host.shutDown()
        let (rows, before) = (try place.tool.count(), try dropped())
        #expect(before > 0)
        unlink(place("events.db"))
        try place.server().shutDown()
        #expect(try dropped() == before + rows)
        #expect(try listed() == before + rows)
        #expect(try spans().map { $0[3] } == [0, 1])
        #expect(try spans().map { $0[4] } == [Int64(before), Int64(rows)])
        // A window with a part of that time cannot know.
        try place.log.change("UPDATE drop_span SET since = since - 7200000000 WHERE listed = 0")
        let part = "@\(Double(try spans()[0][2]) / 1e6)"
        let note = try place.tool.succeed("count", "--dropped", "--since", part).errors
        #expect(note.contains("up to \(grouped(before)) events of this window were dropped, between "), "\(note)")
        let status = try place.tool.run("status").text
        #expect(status.contains("\(grouped(before + rows)) events were dropped within the last hour"), "\(status)")
    }

    /// Who removes all events does not remove the account of those that were lost.
    @Test(arguments: [true, false])
    func pruneKeepsTheAccountOfDrops(isRunning: Bool) throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5s"])
        _ = try host.tally("drive threads=1 calls=20000 seed=4")
        let lost = try dropped()
        #expect(lost > 0)
        if !isRunning { try host.shutDown() }
        try place.tool.succeed("prune", "--all", "--yes")
        #expect(try place.tool.count() == 0)
        #expect(try listed() == lost)
        if isRunning { try host.shutDown() }
        #expect(try listed() == lost)
    }

    private func put(_ bytes: [UInt8], over path: String) throws {
        let aside = place.temporary("aside")
        try overwrite(aside, with: bytes)
        guard rename(aside, path) == 0 else { throw TestFailure.system("rename", errno) }
    }
}

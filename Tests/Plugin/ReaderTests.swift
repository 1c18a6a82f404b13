import Foundation
import TestSupport
import Testing

/// A reader that keeps a transaction open: the drain goes on, the WAL stays under its cap, and a message reports it.
@Suite struct ReaderTests {
    /// The cap for the smallest log: 64 MiB, plus one transaction.
    private static let cap = (64 + 12) << 20

    private let place = DataPlace()

    private var writeAheadBytes: Int { fileSize(place("events.db-wal")) ?? 0 }

    @Test func aHeldTransactionKeepsTheDrainGoingAndTheFileUnderItsCap() throws {
        let host = try place.server(["MAX_SIZE": "256MiB", "FLUSH_INTERVAL": "50ms"])
        try host.ask("fetch count=1")
        try host.ask("shutdown")
        let reader = try HeldReader(place.path)
        var sent: UInt64 = 1
        var drives = 0
        func drive(_ calls: Int = 100_000) throws {
            sent += try host.tally("drive threads=2 calls=\(calls) pause_us=1 seed=\(drives)").total
            drives += 1
        }
        func isSaid(_ words: String) -> Bool { host.errors.contains(words) }
        func written() throws -> UInt64 { try place.tool.exposition().sum("qpc_plugin_events_written_total") }

        while !isSaid("keeps a transaction open on") {
            let before = try written()
            // In small steps, so that the checks below see a file that has only just reached that size.
            try drive(2000)
            try eventually("the drain goes on") { try written() > before }
            try #require(drives < 400, "the WAL has \(writeAheadBytes) bytes")
        }
        try eventually("status names the reader") {
            let status = try place.tool.run("status")
            return status.status == 1 && status.text.contains("process \(reader.pid) ")
        }
        while !isSaid("has reached its cap") {
            try drive()
            try #require(drives < 400, "the WAL has \(writeAheadBytes) bytes")
        }
        for _ in 0..<3 { try drive() }
        #expect(writeAheadBytes <= Self.cap, "\(writeAheadBytes)")

        let start = Date()
        let before = try written()
        reader.end()
        try eventually("events are in the log again") { try written() > before }
        let healed = Date().timeIntervalSince(start)
        try eventually("the file is small again") { writeAheadBytes < 33 << 20 }
        try eventually("status is content") { try !place.tool.run("status").text.contains("keeps a transaction") }
        try host.shutDown()
        let ledger = try place.tool.verify()
        let recorded = ledger.lines.reduce(0) { $0 + $1.recorded }
        #expect(recorded == sent)
        FaultFigures.record(
            "a reader holds a transaction", tries: 1, lost: sent - min(sent, recorded),
            counted: ledger.lines.reduce(0) { $0 + $1.dropped }, healed: healed)
    }
}

/// `sqlite3` in the middle of a read transaction.
final class HeldReader {
    private let process: ChildProcess
    private let place = TemporaryDirectory()
    var pid: Int32 { process.pid }

    init(_ directory: String) throws {
        process = try ChildProcess(
            ["sqlite3", "-readonly", "-batch", directory + "/events.db"], errorFile: place("errors"))
        try process.send("BEGIN; SELECT count(*) FROM fetch;\n")
        guard try process.line(within: 60) != nil else { throw TestFailure("sqlite3 did not answer") }
    }

    func end() {
        process.kill()
        process.wait()
    }
}

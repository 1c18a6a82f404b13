import Foundation
import TestSupport
import Testing

/// The power goes: a file system on a loop device is shut down at once, its journal and all dirty pages are gone, and it is
/// mounted again. The log opens undamaged, with what `on_shutdown` covered and what is older than the stated window.
///
/// `QPC_POWER_CUTS` says how often on each file system (3).
@Suite(.serialized) struct PowerCutTests {
    /// How old an event may be and still be lost: a flush and a sync, which come every 50 and 100 ms here, and the time that
    /// a busy machine takes for them.
    private static let windowSeconds = 0.15 + 1.0

    @Test("A log outlives a power cut", arguments: ["ext4", "xfs"])
    func cut(kind: String) throws {
        guard let disk = try LoopDisk(kind, for: "power cuts") else { return }
        var generator = SeededGenerator.announced("power cuts on \(kind)")
        let times = FaultFigures.count("QPC_POWER_CUTS", usually: 3)
        var course = PowerCourse(directory: disk.path + "/data")
        for time in 0..<times {
            do {
                try course.runUntilCut(number: time, &generator) { try disk.shutDown() }
                try disk.restore()
                try course.prove()
            } catch {
                throw TestFailure("cut \(time): \(error)")
            }
        }
        #expect(course.brokenPromises.isEmpty, "\(course.brokenPromises)")
        FaultFigures.record(
            "power cut on \(kind)", tries: times, lost: course.lostBeyondWindow, counted: course.dropped, twice: course.twice)
    }

    /// What a dead server left in its rings may be a day old. Once a start has put it into the log, no power cut loses it.
    @Test("Recovered events outlive a power cut", arguments: ["ext4", "xfs"])
    func cutAfterRecovery(kind: String) throws {
        guard let disk = try LoopDisk(kind, for: "a power cut after a recovery") else { return }
        let directory = disk.path + "/data"
        let host = try ServerHost.running(directory, ["FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=2 calls=500 seed=3")
        host.kill()
        // As after a while: the rings are on the disk.
        sync()
        let next = try ServerHost.running(directory, ["SYNC_INTERVAL": "1h"])
        try disk.shutDown()
        next.kill()
        try disk.restore()
        try ServerHost.running(directory).shutDown()
        let ledger = try CommandLineTool(directory).verify()
        #expect(ledger.lines.map(\.inLog) == tally.events)
    }

    /// One directory, whose machine loses power again and again.
    private struct PowerCourse {
        let directory: String
        private let place = TemporaryDirectory()
        private var lastID: UInt64 = 0
        /// What had returned and must be there.
        private var covered: [UInt64] = []
        private(set) var lostBeyondWindow: UInt64 = 0
        private(set) var dropped: UInt64 = 0
        private(set) var twice: UInt64 = 0
        private(set) var brokenPromises: [String] = []

        init(directory: String) { self.directory = directory }

        private var tool: CommandLineTool { CommandLineTool(directory) }
        private var log: SQLiteShell { SQLiteShell(directory) }

        private func newestID() throws -> UInt64 {
            let ids = logTables.map { "SELECT max(id) AS id FROM \($0)" }.joined(separator: " UNION ALL ")
            return try UInt64(log.query("SELECT coalesce(max(id), 0) FROM (\(ids))")[0][0]) ?? 0
        }

        mutating func runUntilCut(
            number: Int, _ generator: inout SeededGenerator, cut: () throws -> Void
        ) throws {
            let host = try ServerHost.running(directory, ["FLUSH_INTERVAL": "50ms", "SYNC_INTERVAL": "100ms"])
            // The start recovers what the cut had left in rings that reached the disk.
            try host.ask("shutdown")
            lastID = try newestID()
            let journal = place("journal-\(number)")
            try host.ask(
                "drive threads=2 calls=1 seed=\(number) endless=1 pause_us=100 first=\(2 * number) "
                    + "journal=\(ServerHost.encoded(journal))")
            // One in three right after a shutdown hook: everything before it is covered, whatever its age.
            let isAfterShutdown = number % 3 == 2
            let end = Date(timeIntervalSinceNow: .random(in: 0.05...(isAfterShutdown ? 0.5 : 2.5), using: &generator))
            var looks: [(time: Date, returned: [UInt64])] = []
            repeat {
                let now = Date()
                let journal = try Journal(journal)
                looks.append((now, (0..<6).map { journal.returned($0) }))
                usleep(20000)
            } while Date() < end
            covered = [UInt64](repeating: 0, count: 6)
            if isAfterShutdown {
                let before = try Journal(journal)
                covered = (0..<6).map { before.returned($0) }
                try host.ask("shutdown")
            }
            let moment = Date()
            try cut()
            host.kill()
            if let old = looks.last(where: { moment.timeIntervalSince($0.time) >= windowSeconds }) {
                for kind in 0..<6 { covered[kind] = max(covered[kind], old.returned[kind]) }
            }
            unlink(journal)
        }

        mutating func prove() throws {
            if try log.query("PRAGMA integrity_check") != [["ok"]] { brokenPromises.append("a log is not sound") }
            let host = try ServerHost.running(directory)
            try host.shutDown()
            let ledger = try tool.verify()
            for (kind, table) in logTables.enumerated() {
                let rows = try UInt64(log.query("SELECT count(*) FROM \(table) WHERE id > \(lastID)")[0][0]) ?? 0
                if rows < covered[kind] {
                    lostBeyondWindow += covered[kind] - rows
                    brokenPromises.append("\(table): \(covered[kind]) were covered, \(rows) are in the log")
                }
            }
            dropped = ledger.lines.reduce(0) { $0 + $1.dropped }
            let doubled = try log.query(
                """
                SELECT count(*) FROM (
                    SELECT seq FROM (SELECT seq FROM message UNION ALL SELECT seq FROM batch_message)
                    GROUP BY seq HAVING count(*) > 1)
                """)
            twice = UInt64(doubled[0][0]) ?? .max
            // No log was quarantined.
            let aside = names(in: directory).filter { $0.hasPrefix("events.db.damaged") }
            if !aside.isEmpty { brokenPromises.append("\(aside) quarantined") }
            // A live file whose header never reached the disk is quarantined each time; here that would fill the disk.
            for name in names(in: directory) where name.hasPrefix("live.qpcm.damaged") { unlink(directory + "/" + name) }
        }
    }
}

import Foundation
import TestSupport
import Testing

/// A server killed at any moment loses no event whose hook had returned, and counts none twice.
///
/// `QPC_KILLS` says how often (200), `QPC_SEED` when.
@Suite struct KillTests {
    private static let threads: UInt64 = 4
    /// After this many kills a new directory is begun, so that proving a log takes no longer at the end than at first.
    private static let killsInOneDirectory = 25

    @Test func everyCallThatHadReturnedIsInTheLogOnce() throws {
        let kills = BuiltProducts.setting("QPC_KILLS").flatMap { Int($0) } ?? 200
        var generator = SeededGenerator.announced("kill test of \(kills) kills")
        var course = KillCourse(place: DataPlace())
        for kill in 0..<kills {
            if kill > 0, kill % Self.killsInOneDirectory == 0 {
                try course.finish()
                course = KillCourse(place: DataPlace())
            }
            do {
                try course.killOnce(number: kill, &generator)
            } catch {
                throw TestFailure("kill \(kill): \(error)")
            }
        }
        try course.finish()
        FaultFigures.record("SIGKILL at random under load", tries: kills)
    }

    /// Moments that chance rarely hits: before each system call with which the plugin writes or locks, for instance between
    /// a commit and the wiping of its records.
    @Test func aKillAtAnyWritingSystemCallLosesAndDoublesNothing() throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("kills at system calls", because: "strace may not trace here")
        }
        let place = DataPlace()
        try place.server().shutDown()
        var called: UInt64 = 0
        var isSurvived = false
        var tries = 0
        for call in 1...400 where !isSurvived {
            let answered = try killAt(call, place, &called)
            isSurvived = answered
            tries += 1
            try place.tool.verify()
            let next = try place.server()
            let found = try place.tool.events("--kind", "fetch").compactMap { $0["count"]?.number }
            // One call may have been in progress.
            #expect(found.elementsEqual((0..<UInt64(found.count)).map { $0 + 1 }), "system call \(call): \(found)")
            #expect((called...called + 1).contains(UInt64(found.count)), "system call \(call): \(called) had returned")
            called = UInt64(found.count)
            try next.shutDown()
            try place.tool.verify()
        }
        #expect(isSurvived)
        FaultFigures.record("SIGKILL before a writing call of the drain's", tries: tries)
    }

    /// Kills the server when the plugin's thread is about to make the call with this number. Returns whether the server
    /// ended without making that many.
    private func killAt(_ call: Int, _ place: DataPlace, _ called: inout UInt64) throws -> Bool {
        let host = try place.server(["FLUSH_INTERVAL": "1h", "RING_SIZE": "64KiB"])
        let threads = try JSONDecoder().decode([[String: JSONValue]].self, from: Data(host.ask("threads").utf8))
        let own = threads.first { $0["name"] == .text("qpc-metrics") }
        guard let tid = own?["tid"]?.number else { throw TestFailure("there is no thread of the plugin's") }
        // The signal comes before the call is made. Releasing a lock is what follows a commit.
        let calls = "pwrite64,fdatasync,fsync,ftruncate,unlink,fcntl"
        let errors = place.temporary("tracer-errors-\(call)")
        let tracer = try ChildProcess(
            [
                "strace", "-o", "/dev/null", "-e", "trace=\(calls)", "-e",
                "inject=\(calls):signal=KILL:when=\(call)", "-p", "\(tid)",
            ], errorFile: errors)
        defer {
            host.kill()
            tracer.kill()
            tracer.wait()
        }
        try eventually("the tracer is attached") {
            try String(decoding: read(errors), as: UTF8.self).contains("attached")
        }
        do {
            for _ in 0..<3 {
                for _ in 0..<3 {
                    try host.ask("fetch count=\(called + 1)")
                    called += 1
                }
                try host.ask("shutdown")
            }
            try host.exit()
            return true
        } catch {
            return false
        }
    }
}

/// A directory whose servers are killed one after another.
struct KillCourse {
    let place: DataPlace
    private var server: ServerHost?
    private var lastID = 0
    private var dropped: UInt64 = 0

    init(place: DataPlace) { self.place = place }

    mutating func killOnce(number: Int, _ generator: inout SeededGenerator) throws {
        // One in ten under the heaviest possible load, where rings overflow.
        let isFullLoad = number % 10 == 9
        let host = try server ?? start(number)
        let journal = place.temporary("journal-\(number)")
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        try host.ask(
            "drive threads=4 calls=1 seed=\(seed) endless=1 first=\(number * 4) pause_us=\(isFullLoad ? 0 : 1) "
                + "journal=\(ServerHost.encoded(journal))")
        let living = number % 3 == 0 ? try place.tool.exposition() : try Exposition("")
        usleep(.random(in: 5000...60000, using: &generator))
        host.kill()

        let dead = try place.tool.exposition()
        #expect(dead.lower(than: living).isEmpty, "\(dead.lower(than: living))")
        #expect(try dead.value("qpc_up") == 0)
        if number % 4 == 1 { try place.tool.verify() }
        if number % 5 == 2 { try recoverTwice() }
        if number % 7 == 3 { try killWhileItRecovers(&generator) }

        server = try start(number + 1)
        let risen = try place.tool.exposition()
        #expect(risen.lower(than: dead).isEmpty, "\(risen.lower(than: dead))")
        #expect(try risen.value("qpc_plugin_pending_events") == 0)
        try place.tool.verify()
        try expectEveryCallOnce(Journal(journal), firstThread: number * 4, risen, isFullLoad: isFullLoad)
        unlink(journal)
    }

    /// Mostly with constant flushing, so that a kill hits commits and the wiping of rings.
    private static let settings: [[String: String]] = [
        [:], ["FLUSH_INTERVAL": "1ms"], ["FLUSH_INTERVAL": "1ms", "RING_SIZE": "512KiB"],
        ["FLUSH_INTERVAL": "1ms", "RING_SIZE": "512KiB", "SYNC_INTERVAL": "0"],
    ]

    private func start(_ number: Int) throws -> ServerHost {
        let host = try place.server(Self.settings[number % Self.settings.count])
        #expect(host.errorLines.allSatisfy { $0.contains(" info: ") }, "\(host.errors)")
        return host
    }

    private func recoverTwice() throws {
        _ = try place.tool.succeed("recover")
        let once = (try place.tool.rows(), try place.tool.exposition())
        #expect(try place.tool.succeed("recover").text.hasPrefix("0 events"))
        #expect(try place.tool.rows() == once.0)
        #expect(try place.tool.exposition().lower(than: once.1).isEmpty)
        try place.tool.verify()
    }

    /// A start that is itself killed, while it recovers what the dead server had left.
    private func killWhileItRecovers(_ generator: inout SeededGenerator) throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        try host.process.send("init\n")
        usleep(.random(in: 0...20000, using: &generator))
        host.kill()
    }

    /// Checks sequence numbers, of which each thread's messages have their own series without gaps, and, for the kinds
    /// that have none, the number of events.
    private mutating func expectEveryCallOnce(
        _ journal: Journal, firstThread: Int, _ metrics: Exposition, isFullLoad: Bool
    ) throws {
        let droppedNow = metrics.sum("qpc_plugin_events_dropped_total")
        let lost = droppedNow - dropped
        dropped = droppedNow
        // Under a sanitizer, a drain does not keep up with a load that is made for the product.
        #expect(isFullLoad || BuiltProducts.areSanitized || lost == 0, "\(lost) were dropped")
        #expect(lost == 0 || metrics.sum("qpc_plugin_events_dropped_total", "ring_full") == droppedNow)

        let found = try place.log.query(
            """
            SELECT seq >> 40, count(*), count(DISTINCT seq), min(seq & 1099511627775), max(seq & 1099511627775)
            FROM (
                SELECT seq FROM message WHERE id > \(lastID)
                UNION ALL SELECT seq FROM batch_message WHERE id > \(lastID))
            GROUP BY 1 ORDER BY 1
            """
        ).map { $0.compactMap { UInt64($0) } }
        for (thread, row) in journal.rows.enumerated() {
            let line = found.first { $0[0] == UInt64(firstThread + thread) } ?? [0, 0, 0, 1, 0]
            #expect(line[1] == line[2], "thread \(thread): a sequence number twice")
            #expect(line[4] <= row.messagesHandedOver, "thread \(thread): one that was never sent")
            if lost == 0 {
                #expect(line[3] == 1 && line[4] == line[1], "thread \(thread): not without gaps: \(line)")
                #expect(line[1] >= row.messagesReturned, "thread \(thread): \(row.messagesReturned) returned, \(line)")
            }
        }
        #expect(found.allSatisfy { (firstThread..<firstThread + 4).contains(Int($0[0])) })

        var inFlight: UInt64 = 0
        for (kind, table) in logTables.enumerated() {
            let rows = try place.log.query("SELECT count(*) FROM \(table) WHERE id > \(lastID)")
            let count = rows[0].first.flatMap { UInt64($0) } ?? 0
            let returned = journal.returned(kind)
            #expect(count + lost >= returned, "\(table): \(returned) returned, \(count) are in the log")
            // One call of each thread may have been in progress.
            if kind != 1 { inFlight += count > returned ? count - returned : 0 }
        }
        #expect(inFlight <= 4, "\(inFlight) events more than were called")
        let newest = logTables.map { "SELECT max(id) AS id FROM \($0)" }.joined(separator: " UNION ALL ")
        let last = try place.log.query("SELECT max(id) FROM (\(newest))")
        lastID = last.first?.first.flatMap { Int($0) } ?? lastID
    }

    mutating func finish() throws {
        guard let host = server else { return }
        try host.shutDown()
        server = nil
        try place.tool.verify()
        // Once more, over the whole log: nothing is there twice.
        let twice = try place.log.query(
            """
            SELECT count(*) FROM (
                SELECT seq FROM (SELECT seq FROM message UNION ALL SELECT seq FROM batch_message)
                GROUP BY seq HAVING count(*) > 1)
            """)
        #expect(twice == [["0"]])
    }
}

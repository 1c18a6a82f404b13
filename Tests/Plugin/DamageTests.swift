import Foundation
import TestSupport
import Testing

/// A damaged file never keeps a server from starting: it is quarantined, reported and counted, and a new one is begun.
@Suite struct DamageTests {
    let place = DataPlace()

    enum Damage: String, CaseIterable, Sendable {
        case random, zeroed, halved, emptied, shortened

        func applied(to bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
            switch self {
            case .random: generator.bytes(bytes.count)
            case .zeroed: [UInt8](repeating: 0, count: bytes.count)
            case .halved: Array(bytes.prefix(bytes.count / 2))
            case .emptied: []
            case .shortened: Array(bytes.prefix(100))
            }
        }
    }

    /// Makes a directory in which a server ran and ended; returns what its hooks were called with.
    private func begin(killed: Bool = false) throws -> [UInt64] {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=2 calls=100 seed=3 mix=message,auth,fetch,register")
        if killed { host.kill() } else { try host.shutDown() }
        return tally.events
    }

    private func asideNames(_ name: String) -> [String] {
        names(in: place.path).filter {
            // A quarantined log takes its -wal and -shm along.
            $0.hasPrefix(name + ".") && $0.contains(Self.thisYear) && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
        }
    }

    private static let thisYear = UTCYear.now

    /// Starts on the damaged directory, and expects what is promised, also of the server that goes on.
    private func expectQuarantined(_ name: String, content: [UInt8], before: Exposition) throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path, ["RING_SIZE": "64KiB"]))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "))
        let aside = asideNames(name)
        #expect(aside.count == 1, "\(names(in: place.path))")
        if let kept = aside.first {
            #expect(try read(place(kept)) == content, "the damaged file is kept as it was")
            let lines = host.errorLines.filter { $0.contains(kept) }
            #expect(lines.count == 1, "\(host.errors)")
        }
        let metrics = try place.tool.exposition()
        #expect(try metrics.value("qpc_plugin_files_set_aside_total") == 1)
        #expect(metrics.lower(than: before).isEmpty, "\(metrics.lower(than: before))")
        try place.tool.verify()
        // It works, and keeps working.
        let tally = try host.tally("drive threads=2 calls=100 seed=4 mix=fetch")
        try host.shutDown()
        let after = try place.tool.exposition()
        #expect(after.lower(than: metrics).isEmpty)
        #expect(
            try after.value("qpc_hook_calls_total{hook=\"fetch\"}")
                == metrics.value("qpc_hook_calls_total{hook=\"fetch\"}") + tally.events[4])
        try place.tool.verify()
        #expect(try place.tool.count("--kind", "fetch") >= tally.events[4])
        let next = try place.server()
        #expect(next.errorLines.filter { $0.contains("damaged") }.isEmpty, "\(next.errors)")
        try next.shutDown()
        #expect(try place.tool.exposition().value("qpc_plugin_files_set_aside_total") == 1)
        FaultFigures.record("damaged log or live file at the start", tries: 1)
    }

    @Test("A damaged log is quarantined", arguments: Damage.allCases.filter { $0 != .emptied })
    func log(damage: Damage) throws {
        var generator = SeededGenerator.announced("damaged log")
        let sent = try begin()
        let before = try place.tool.exposition()
        let content = damage.applied(to: try read(place("events.db")), &generator)
        try overwrite(place("events.db"), with: content)
        try expectQuarantined("events.db", content: content, before: before)
        // What the lost log held is accounted for.
        let lost = try place.tool.exposition().sum("qpc_plugin_events_dropped_total", "cause=\"log_error\"")
        #expect(lost == sent.reduce(0, +))
    }

    @Test func anotherProgramsDatabaseIsQuarantined() throws {
        _ = try begin()
        let before = try place.tool.exposition()
        unlink(place("events.db"))
        try place.log.change("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        try expectQuarantined("events.db", content: read(place("events.db")), before: before)
    }

    @Test("A WAL with a torn header, or with nothing behind it, keeps nobody from reading", arguments: [false, true])
    func walThatLeadsNowhere(isTorn: Bool) throws {
        let host = try place.server()
        let wal = place("events.db-wal")
        try host.ask("fetch count=3")
        try eventually("the WAL has a header") { try read(wal).count > 32 }
        let header = Array(try read(wal).prefix(32))
        try host.shutDown()
        let before = try place.tool.count()
        try overwrite(wal, with: isTorn ? [UInt8](repeating: 0xA5, count: 4128) : header)
        // SQLite keeps the WAL's index beside a log that was not closed; if it is missing, readers create it.
        #expect(access(place("events.db-shm"), F_OK) == 0)
        #expect(try place.tool.count() == before)
        try place.tool.verify()
        let next = try place.server()
        try next.ask("fetch count=3")
        try next.shutDown()
        #expect(try place.tool.count() == before + 1)
        try place.tool.verify()
    }

    @Test func aDeletedLogIsCountedAndNotSilentlyForgotten() throws {
        let sent = try begin()
        let before = try place.tool.exposition()
        unlink(place("events.db"))
        let host = try place.server()
        try host.shutDown()
        let after = try place.tool.exposition()
        #expect(after.lower(than: before).isEmpty)
        #expect(after.sum("qpc_plugin_events_dropped_total", "cause=\"log_error\"") == sent.reduce(0, +))
        try place.tool.verify()
    }

    @Test(
        "A damaged live file of a server that had shut down is quarantined", arguments: Damage.allCases.filter { $0 != .halved })
    func live(damage: Damage) throws {
        var generator = SeededGenerator.announced("damaged live file")
        _ = try begin()
        let before = try place.tool.exposition()
        let content = damage.applied(to: try read(place("live.qpcm")), &generator)
        try overwrite(place("live.qpcm"), with: content)
        try expectQuarantined("live.qpcm", content: content, before: before)
    }

    /// A truncated live file is one with fewer slots. Once everything was drained, the log knows what they held.
    @Test("A live file cut off after a slot, or before the first, keeps no server from starting", arguments: [0, 1])
    func liveWithFewerSlots(slots: Int) throws {
        _ = try begin()
        let before = try place.tool.exposition()
        let content = try read(place("live.qpcm")).prefix(Self.slots + slots * (Self.ringInSlot + Self.ring))
        try overwrite(place("live.qpcm"), with: Array(content))
        let host = try place.server()
        try host.shutDown()
        let lower = try place.tool.exposition().lower(than: before)
        #expect(lower.isEmpty, "\(host.errors)")
        try place.tool.verify()
    }

    /// A newer format is refused instead (`NewerFilesTests`); there has never been an older one.
    @Test func aLiveFileOfNoFormatIsQuarantined() throws {
        _ = try begin()
        let before = try place.tool.exposition()
        var content = try read(place("live.qpcm"))
        content[8] = 0
        try overwrite(place("live.qpcm"), with: content)
        try expectQuarantined("live.qpcm", content: content, before: before)
    }

    @Test func aDeadServersLiveFileWithDamagedHeaderIsQuarantined() throws {
        _ = try begin(killed: true)
        var generator = SeededGenerator.announced("damaged header")
        var content = try read(place("live.qpcm"))
        content.replaceSubrange(0..<4096, with: generator.bytes(4096))
        try overwrite(place("live.qpcm"), with: content)
        try expectQuarantined("live.qpcm", content: content, before: Exposition(""))
    }

    /// The layout that `live_layout.h` draws, with rings of 64 KiB.
    private static let slots = 16384
    private static let ringInSlot = 8192
    private static let ring = 65536

    @Test("Random bytes in a dead server's rings cost what they hit, counted", arguments: 1...12)
    func deadRings(round: Int) throws {
        var generator = SeededGenerator.announced("damaged rings \(round)")
        // Half of the rounds begin before anything was ever in the log.
        if round % 2 == 0 {
            let host = try place.server()
            try host.ask("fetch count=1")
            try host.shutDown()
        }
        let sent = try begin(killed: true)
        var content = try read(place("live.qpcm"))
        let slots = (content.count - Self.slots) / (Self.ringInSlot + Self.ring)
        for _ in 0..<round {
            let slot = Self.slots + Int.random(in: 0..<slots, using: &generator) * (Self.ringInSlot + Self.ring)
            let start = slot + Self.ringInSlot + Int.random(in: 0..<24_000, using: &generator)
            content.replaceSubrange(start..<start + 64, with: generator.bytes(64))
        }
        try overwrite(place("live.qpcm"), with: content)
        let host = try place.server()
        try host.shutDown()
        let ledger = try place.tool.verify()
        for (line, sent) in zip(ledger.lines, sent).dropLast(2) { #expect(line.recorded == sent) }
        let torn = try place.tool.exposition().sum("qpc_plugin_events_dropped_total", "cause=\"torn\"")
        #expect(ledger.lines.reduce(0) { $0 + $1.dropped } == torn)
    }

    @Test("A dead server's live file with random bytes in its body keeps no server from starting", arguments: 1...12)
    func deadBody(round: Int) throws {
        var generator = SeededGenerator.announced("damaged body \(round)")
        _ = try begin(killed: true)
        var content = try read(place("live.qpcm"))
        for _ in 0..<round {
            let start = Int.random(in: 4096..<content.count - 64, using: &generator)
            content.replaceSubrange(start..<start + 64, with: generator.bytes(64))
        }
        try overwrite(place("live.qpcm"), with: content)
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "))
        _ = try host.tally("drive threads=2 calls=100 seed=4 mix=fetch")
        try host.shutDown()
        // Counters that were hit can no longer be proved; the log is undamaged all the same.
        #expect(try place.tool.run("verify").text.contains("log: sound"))
        #expect(try place.tool.events().count >= 200)
    }

    @Test func aDamagedKeyIsQuarantined() throws {
        for (round, content) in [[], Array("short".utf8), [UInt8](repeating: 7, count: 33)].enumerated() {
            let host = try place.server()
            try host.shutDown()
            try overwrite(place("identity.key"), with: content)
            let next = try place.server()
            let aside = names(in: place.path).filter { $0.hasPrefix("identity.key.") }
            #expect(aside.count == round + 1, "\(names(in: place.path))")
            #expect(aside.allSatisfy { $0.contains(Self.thisYear) && permissions(place($0)) == 0o600 })
            #expect(next.errorLines.filter { $0.contains("identity.key") }.count == 1, "\(next.errors)")
            #expect(try KeyFile(place("identity.key")).epochs.count == 1)
            try next.ask("auth user=text:alice")
            try next.shutDown()
            #expect(try place.tool.exposition().value("qpc_plugin_files_set_aside_total") == UInt64(round + 1))
            try place.tool.verify()
        }
    }

    @Test func aRunningServersDamagedRingIsSaidAndCountedAtOnce() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5s"])
        var sent: UInt64 = 0
        for round in 1...3 {
            let before = try place.tool.exposition()
            try host.ask(all: (1...40).map { "fetch count=\($0)" })
            sent += 40
            // The records lie in the ring of the one calling thread, and are this wide.
            let layout = place("live.qpcm")
            let descriptor = open(layout, O_RDWR | O_CLOEXEC)
            defer { close(descriptor) }
            var tail: UInt64 = 0
            var slot = Self.slots - Self.ringInSlot - Self.ring
            while tail == 0 || slot < 0 {
                slot += Self.ringInSlot + Self.ring
                guard pread(descriptor, &tail, 8, off_t(slot + 64)) == 8 else { throw TestFailure("no ring is in use") }
            }
            let place64 = (tail - 64 * 20) & UInt64(Self.ring - 1)
            let junk = [UInt8](repeating: 0xA5, count: 64)
            #expect(pwrite(descriptor, junk, 64, off_t(slot + Self.ringInSlot) + off_t(place64)) == 64)
            try host.ask("shutdown")
            let after = try place.tool.exposition()
            #expect(after.lower(than: before).isEmpty)
            #expect(after.sum("qpc_plugin_events_dropped_total", "cause=\"torn\"") == UInt64(20 * round))
            #expect(try after.value("qpc_plugin_pending_events") == 0)
            try place.tool.verify()
        }
        #expect(host.errorLines.filter { $0.contains("ring") }.count == 1, "\(host.errors)")
        let running = try place.tool.exposition()
        host.kill()
        let next = try place.server()
        try next.shutDown()
        #expect(try place.tool.exposition().lower(than: running).isEmpty)
        #expect(try place.tool.count() == sent - 60)
        try place.tool.verify()
        FaultFigures.record("ring damaged while in use", tries: 3, counted: 60)
    }

    /// Damage in the middle of a log, which the first look at it does not find: the flush that meets it quarantines the log.
    @Test func aLogDamagedInTheMiddleLosesNoNewEvent() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=3000 seed=3")
        try host.shutDown()
        let before = try place.tool.exposition()
        var content = try read(place("events.db"))
        let middle = 8192..<(content.count - 4096)
        content.replaceSubrange(middle, with: [UInt8](repeating: 0x5A, count: middle.count))
        try overwrite(place("events.db"), with: content)
        #expect(try place.tool.run("verify").status == 1)
        let next = try ServerHost(environment: ServerHost.environment(place.path))
        try next.load()
        #expect(try next.ask("init").hasPrefix("code=0 "))
        let tally = try next.tally("drive threads=2 calls=3000 seed=4")
        try next.shutDown()
        #expect(asideNames("events.db").count == 1, "\(next.errors)")
        #expect(try place.tool.exposition().lower(than: before).isEmpty)
        #expect(try place.tool.count() == tally.total)
        try place.tool.verify()
    }
}

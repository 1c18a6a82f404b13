import CFaultVFS
import CMetricsLayout
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import TestSupport

@testable import EventDrain

/// A server's life without a server: hooks, the product's own drain loop and its log on one thread, under a clock and a file
/// system of its own, so that a run is determined by its seed.
///
/// It keeps a book of everything that was recorded, and of what may have become of it; `RecoveryProof` compares.
final class Simulation {
    /// Holds everything, including the data directory.
    let place: String
    var directory: String { place + "/data" }
    var random: SeededGenerator
    let clock: SimulatedClock
    var book = EventBook()
    var counts = SimulationCounts()

    private var held: DataDirectory?
    private(set) var live: LiveFile?
    private(set) var loop: DrainLoop?
    var drainer: Drainer? { loop?.drainer }
    private(set) var slots: [UnsafeMutableRawPointer] = []
    /// The live file as the disk may have it: some pages from a moment ago, some from now.
    var liveOnDisk: [UInt8] = []
    /// No fault but kills, under which every promise is strict.
    private(set) var isQuiet = false
    /// An earlier copy of the log.
    var olderLog: String?
    /// Whether the log was moved away in the midst of a request.
    var isLogLost = false
    private var settings = Settings(identities: .plain)
    private var checkpointPages = 0

    /// - Parameter keepsItself: only the drain's loop checkpoints and syncs the log and applies retention.
    init(place: String, seed: UInt64, keepsItself: Bool = true) throws {
        self.place = place
        random = SeededGenerator(seed: seed)
        clock = SimulatedClock(seed: seed &+ 1)
        guard fault_vfs_install() == 0 else { throw TestFailure("the failing file system cannot be installed") }
        endFault()
        isQuiet = chance(5)
        settings.flushIntervalNanoseconds = chance(2) ? 1 : 250_000_000
        // Each commit, or after a second up to half an hour.
        settings.syncIntervalNanoseconds = chance(4) ? 0 : 1_000_000_000 << below(12)
        settings.retentionNanoseconds = chance(2) ? (1 + below(14)) * 86_400_000_000_000 : nil
        checkpointPages = 8 << Int(below(6))
        if !keepsItself {
            settings.syncIntervalNanoseconds = 3_600_000_000_000_000
            settings.retentionNanoseconds = nil
            checkpointPages = Checkpointer.usualPages
        }
        try start()
    }

    /// `QPC_TELL` prints what happens, for a simulation run that failed.
    static let isTold = BuiltProducts.setting("QPC_TELL") != nil

    func tell(_ what: @autoclosure () -> String) { if Self.isTold { print(what()) } }

    /// What the product logs.
    static let log = PluginLogger(level: isTold ? .debug : nil)

    func chance(_ oneIn: UInt64) -> Bool { below(oneIn) == 0 }

    func below(_ limit: UInt64) -> UInt64 { random.next() % limit }

    // MARK: Starts and ends

    /// As the plugin's init does.
    func start() throws {
        let held = try DataDirectory(path: directory, create: true)
        let outcome = try Recovery.run(held, settings: settings, log: Self.log)
        counts.recovered += outcome.recovered
        let session = (random.next(), random.next())
        settings.ringBytes = 8192 << Int(below(4))
        let live = try LiveFile(
            directory: directory,
            options: .init(
                settings: settings, initialSlots: Int(1 + below(3)), clock: UInt64(QPCM_CLOCK_REALTIME), session: session),
            ringed: outcome.ringed, direct: outcome.direct)
        slots = []
        while let slot = live.takeFreeSlot() { slots.append(slot) }
        let drainer = Drainer(
            map: live.map, session: session, clock: UInt64(QPCM_CLOCK_REALTIME), writer: outcome.writer,
            ringed: outcome.ringed, stored: .none)
        clock.begin()
        let loop = DrainLoop(
            live: live, drainer: drainer, opener: outcome.opener, log: Self.log, clock: clock.drainClock,
            checkpointPages: checkpointPages)
        loop.announce()
        loop.begin()
        // The state to which the start has synced it.
        liveOnDisk = try read(directory + "/live.qpcm")
        self.loop = loop
        self.live = live
        self.held = held
        if chance(3) { comeToSegmentEnd(within: 400) }
        // The thread's first turn, before any clock is set.
        turn()
        // What waited in the rings is in the log now, and no longer in any ring.
        book.undrained = []
        counts.starts += 1
        tell("started: ring of \(live.map.ringBytes), \(slots.count) slots, next id \(drainer.writer.nextID)")
    }

    /// Full segments are indexed: so that one fills up, ids continue from near its end, as they would in a log that takes
    /// another's place.
    func comeToSegmentEnd(within ids: UInt64) {
        let writer = drainer!.writer
        writer.continueIDs(from: (writer.nextID | (Segment.ids - 1)) - Int64(below(ids)))
    }

    /// The same, while the disk may fail: a server that cannot start is started again.
    func startThroughFaults() throws {
        if chance(3) { beginFault() }
        for _ in 0..<60 {
            do { return try start() } catch is RecoveryError { counts.failedStarts += 1 }
            if chance(8) { endFault() }
        }
        throw TestFailure("it never started again")
    }

    /// The process ends; nothing is flushed or closed cleanly.
    func vanish() {
        tell("vanishes")
        letGo()
    }

    /// `on_shutdown` and `destroy`.
    func shutDown() throws {
        tell("shuts down")
        try heal()
        loop?.turn(isAsked: true, isLast: true)
        loop?.end()
        letGo()
    }

    private func letGo() {
        loop = nil
        live = nil
        held?.release()
        held = nil
    }

    // MARK: The drain

    func beginFault() {
        let kinds = [FAULT_FULL, FAULT_IO, FAULT_SHORT_WRITE]
        fault_vfs_fail(Int32(kinds[Int(below(3))]), Int64(1 + below(40)), Int64(1 + below(12)))
    }

    func endFault() { fault_vfs_fail(Int32(FAULT_NONE), 0, 0) }

    /// One turn of the drain's loop.
    func turn(isAsked: Bool = false) {
        guard let loop, let live else { return }
        noteRetention()
        let before = loop.drainer
        let damages = live.map.totals(.direct)[CounterIndex.flushErrors(.corrupt)]
        loop.turn(isAsked: isAsked)
        noteRetention()
        counts.turns += 1
        if let drainer = loop.drainer, drainer !== before {
            counts.replacements += 1
            tell("opened again, next id \(drainer.writer.nextID)")
        }
        if loop.isInTrouble { counts.failedFlushes += 1 }
        counts.damagesMet += Int(live.map.totals(.direct)[CounterIndex.flushErrors(.corrupt)] - damages)
    }

    /// Retention may have come this far by now.
    private func noteRetention() {
        guard let retention = settings.retentionNanoseconds else { return }
        book.retentionStart = max(book.retentionStart, Int64((clock.credible - retention) / 1000))
    }

    /// A flush that is due. False if it failed and is to be retried.
    func flush() -> Bool {
        clock.pass(max(settings.flushIntervalNanoseconds, loop?.isInTrouble == true ? FlushRetryPolicy.retryNanoseconds : 0))
        turn()
        guard let loop, !loop.isInTrouble, let drainer = loop.drainer, drainer.look() == 0 else { return false }
        tell("flushed \(book.undrained.count), next id \(drainer.writer.nextID)")
        book.undrained = []
        return true
    }

    /// The database is reopened.
    func reopen() throws {
        try heal()
        loop?.closeLog(.failing)
        try heal()
    }

    /// The disk works again, and so does the drain, at the latest once it has reopened its database.
    func heal() throws {
        endFault()
        for _ in 0..<8 where flush() { return }
        throw TestFailure("it never healed")
    }

    /// Removals that have begun come to their end.
    func settleMaintenance() throws {
        for _ in 0..<10_000 {
            turn()
            if loop?.isMaintaining == false { return try absorbAged() }
        }
        throw TestFailure("a removal never ended")
    }

    /// What retention took is gone for good.
    private func absorbAged() throws {
        let found = Set(try rows().map(\.seq))
        let aged = book.expected.subtracting(found).filter { book.mayHaveAged($0) }
        counts.aged += aged.count
        book.removed.formUnion(aged)
        book.durable.subtract(aged)
    }

    /// Makes every commit so far safe from a power cut, or learns that it cannot.
    func sync() throws {
        clock.pass(FlushRetryPolicy.retryNanoseconds)
        let failed = fault_vfs_failed_syncs()
        turn(isAsked: true)
        counts.failedSyncs += Int(fault_vfs_failed_syncs() - failed)
        guard let loop, !loop.isInTrouble, let drainer = loop.drainer else { return }
        // Hooks do not run in the meantime.
        if drainer.look() == 0 { book.undrained = [] }
        book.durable = Set(try rows().map(\.seq))
        tell("synced \(book.durable.count) rows")
        counts.syncs += 1
    }

    /// The kernel writes the pages of `live.qpcm` to the disk when it likes, with whatever waits in the rings.
    func writeBackLiveFile() throws { liveOnDisk = try read(directory + "/live.qpcm") }

    func checkpoint() {
        guard let loop, let drainer = loop.drainer else { return }
        tell("checkpoint")
        try? drainer.writer.checkpoint(truncating: chance(4))
        loop.current.noteCheckpoints()
        counts.checkpoints += 1
    }

    // MARK: What is there

    /// The log knows about everything that was wiped from a ring: a power cut could bring it back.
    func expectPositions() throws {
        guard let drainer, let live, loop?.isInTrouble == false else { return }
        let stored = try StoredState.read(drainer.writer.database)
        for index in 0..<live.map.slotsReady {
            let head = RingConsumer.head(of: live.map.slot(index))
            let position = stored.rings.first { $0.slot == index }?.position ?? 0
            guard head <= position else { throw TestFailure("ring \(index) is wiped up to \(head), the log says \(position)") }
        }
    }

    /// The log's rows, oldest first; they are remembered, to check that no id is ever given twice.
    func rows() throws -> [LogRow] {
        let rows = try LogRow.all(in: directory)
        try book.names.note(rows)
        for row in rows {
            let owner = book.owners.updateValue(row.seq, forKey: row.id) ?? row.seq
            guard owner == row.seq else { throw TestFailure("id \(row.id) was \(owner)'s and is now \(row.seq)'s") }
        }
        return rows
    }
}

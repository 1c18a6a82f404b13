import CFaultVFS
import CMetricsLayout
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import TestSupport

@testable import EventDrain

/// A server's life without a server: hooks, drain and log on one thread, so that a history is told wholly by its seed.
///
/// It keeps a book of its own of all that was recorded, and of what may have become of it; `HistoryProof` compares.
final class History {
    /// All of it, and within it the data directory.
    let place: String
    var directory: String { place + "/data" }
    var random: SeededGenerator
    var book = HistoryBook()
    var counts = HistoryCounts()

    private var held: DataDirectory?
    private(set) var live: LiveFile?
    var drainer: Drainer?
    var replacement: LogReopening!
    var trouble = FlushRetryPolicy()
    private(set) var slots: [UnsafeMutableRawPointer] = []
    /// The live file as the disk may have it: some page of a moment ago, some of now.
    var liveOnDisk: [UInt8] = []
    /// No fault but kills, of which every promise is strict.
    private(set) var isQuiet = false
    /// An earlier copy of the log.
    var olderLog: String?

    init(place: String, seed: UInt64) throws {
        self.place = place
        random = SeededGenerator(seed: seed)
        guard fault_vfs_install() == 0 else { throw TestFailure("the failing file system cannot be installed") }
        endFault()
        isQuiet = chance(5)
        try start()
    }

    /// `QPC_TELL` tells what happens, for a history that failed.
    static let isTold = BuiltProducts.setting("QPC_TELL") != nil

    func tell(_ what: @autoclosure () -> String) { if Self.isTold { print(what()) } }

    /// What the product has to say.
    static let log = PluginLogger(level: isTold ? .debug : .error)

    func chance(_ oneIn: UInt64) -> Bool { below(oneIn) == 0 }

    func below(_ limit: UInt64) -> UInt64 { random.next() % limit }

    // MARK: Starts and ends

    /// As the plugin's init does.
    func start() throws {
        let held = try DataDirectory(path: directory, create: true)
        let outcome = try Recovery.run(
            held, settings: Settings(identities: .plain), log: Self.log)
        counts.recovered += outcome.recovered
        let session = (random.next(), random.next())
        let live = try LiveFile(
            directory: directory,
            options: .init(
                settings: Settings(identities: .plain, ringBytes: 8192 << Int(below(4)), flushIntervalNanoseconds: 1),
                initialSlots: Int(1 + below(3)), clock: UInt64(QPCM_CLOCK_REALTIME), session: session),
            ringed: outcome.ringed, direct: outcome.direct)
        slots = []
        while let slot = live.takeFreeSlot() { slots.append(slot) }
        drainer = Drainer(
            map: live.map, session: session, clock: UInt64(QPCM_CLOCK_REALTIME), writer: outcome.writer,
            ringed: outcome.ringed, stored: .none)
        if chance(3) { comeToSegmentEnd(within: 400) }
        replacement = LogReopening(place: outcome.place, live: live, session: session, writer: outcome.writer)
        trouble = FlushRetryPolicy()
        self.live = live
        self.held = held
        liveOnDisk = try read(directory + "/live.qpcm")
        // What waited in the rings is in the log now, and in no ring any more.
        book.undrained = []
        counts.starts += 1
        tell("started: ring of \(live.map.ringBytes), \(slots.count) slots, next id \(drainer!.writer.nextID)")
    }

    /// Full segments are sealed: so that one gets full, ids go on from near its end, as they would in a log that takes
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

    /// The process ends; nothing is flushed or closed in order.
    func vanish() {
        tell("vanishes")
        letGo()
    }

    /// `on_shutdown`, as the plugin's thread ends.
    func shutDown() throws {
        tell("shuts down")
        try heal()
        try drainer!.saveCounters()
        try sync()
        try? drainer!.writer.checkpoint(truncating: true)
        live!.map.set(QPCM_HEADER_STATE, UInt64(QPCM_STATE_STOPPED))
        letGo()
    }

    private func letGo() {
        drainer = nil
        replacement = nil
        live = nil
        held?.release()
        held = nil
    }

    // MARK: The drain's thread

    func beginFault() {
        let kinds = [FAULT_FULL, FAULT_IO, FAULT_SHORT_WRITE]
        fault_vfs_fail(Int32(kinds[Int(below(3))]), Int64(1 + below(40)), Int64(1 + below(12)))
    }

    func endFault() { fault_vfs_fail(Int32(FAULT_NONE), 0, 0) }

    /// One flush, as the plugin's thread does it. False if it failed, and is to be tried again.
    func flush() -> Bool {
        do {
            if let writer = drainer?.writer, let change = replacement.change(of: writer) {
                tell("the log \(change.text)")
                replacement.close(&drainer, .changed(change))
            }
            if drainer == nil {
                drainer = try replacement.open()
                counts.replacements += 1
                tell("opened anew, next id \(drainer!.writer.nextID)")
            }
            _ = drainer!.look()
            while try drainer!.step().isMoreWaiting {}
            trouble.isOver()
            tell("flushed \(book.undrained.count), next id \(drainer!.writer.nextID)")
            book.undrained = []
            return true
        } catch {
            counts.failedFlushes += 1
            meet(error)
            return false
        }
    }

    /// The database is made anew.
    func reopen() throws {
        try heal()
        replacement.close(&drainer, .failing)
        try heal()
    }

    func meet(_ error: LogError) {
        tell(error.message)
        switch trouble.meet(error).remedy {
        case .wait: break
        case .reopen: replacement.close(&drainer, .failing)
        case .quarantine:
            counts.damagesMet += 1
            if drainer == nil { replacement.meet(error) } else { replacement.close(&drainer, .damaged(error)) }
        }
    }

    /// The disk is well again: so is the drain, at the latest when it has made its database anew.
    func heal() throws {
        endFault()
        for _ in 0..<8 where flush() { return }
        throw TestFailure("it never healed")
    }

    /// Makes every commit so far safe from a power cut, or learns that it cannot.
    func sync() throws {
        guard let drainer else { return }
        do { try drainer.writer.sync() } catch {
            counts.failedSyncs += 1
            return meet(error)
        }
        book.durable = Set(try rows().map(\.seq))
        liveOnDisk = try read(directory + "/live.qpcm")
        tell("synced \(book.durable.count) rows")
        counts.syncs += 1
    }

    func checkpoint() {
        tell("checkpoint")
        do { try drainer?.writer.checkpoint(truncating: chance(4)) } catch { return meet(error) }
        counts.checkpoints += 1
    }

    // MARK: What is there

    /// The log knows of all that was wiped from a ring: a power cut could bring it back.
    func expectPositions() throws {
        guard let drainer, let live else { return }
        let stored = try StoredState.read(drainer.writer.database)
        for index in 0..<live.map.slotsReady {
            let head = RingConsumer.head(of: live.map.slot(index))
            let position = stored.rings.first { $0.slot == index }?.position ?? 0
            guard head <= position else { throw TestFailure("ring \(index) is wiped up to \(head), the log says \(position)") }
        }
    }

    /// The log's rows, oldest first; remembered, so that no id is ever given twice.
    func rows() throws -> [HistoryRow] {
        let rows = try HistoryRow.all(in: directory)
        for row in rows {
            let owner = book.owners.updateValue(row.seq, forKey: row.id) ?? row.seq
            guard owner == row.seq else { throw TestFailure("id \(row.id) was \(owner)'s and is now \(row.seq)'s") }
        }
        return rows
    }
}

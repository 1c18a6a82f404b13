import CFaultVFS
import CMetricsLayout
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import MetricsQuery
import TestSupport

@testable import EventDrain

/// A server's life without a server: hooks, drain and log on one thread, so that a history is told wholly by its seed.
///
/// A crash is a copy of the data directory, taken between any two steps and recovered elsewhere: exactly what a killed
/// process leaves, since everything that outlives it is in files.
final class History {
    let directory: String
    private var random: SeededGenerator
    private var held: DataDirectory?
    private(set) var live: LiveFile?
    private(set) var drainer: Drainer?
    private var slots: [UnsafeMutableRawPointer] = []
    /// Sequence numbers whose hook has returned, and was not told that it dropped.
    private(set) var returned: Set<UInt64> = []
    private(set) var dropped: UInt64 = 0
    private var nextSeq: UInt64 = 1
    static let ringBytes = 64 << 10
    /// What was in a log when that was taken away.
    private(set) var gone: Set<UInt64> = []
    /// What was in the log at its last sync.
    private(set) var durable: Set<UInt64> = []
    private var replacement: LogReplacement?
    /// The live file as the disk may have it: some page of a moment ago, some of now.
    private var liveOnDisk: [UInt8] = []
    /// Nanoseconds since 1970, of this history alone.
    private var clock: UInt64 = 1_795_000_000_000_000_000

    init(directory: String, seed: UInt64) throws {
        self.directory = directory
        guard fault_vfs_install() == 0 else { throw TestFailure("the failing file system cannot be installed") }
        fault_vfs_fail(Int32(FAULT_NONE), 0, 0)
        random = SeededGenerator(seed: seed)
        try start()
    }

    func start() throws {
        let held = try DataDirectory(path: directory, create: true)
        let outcome = try Recovery.run(
            held, options: .init(identities: .plain, syncEachCommit: false), say: StandardError(level: .error))
        let session = (random.next(), random.next())
        let live = try LiveFile(
            directory: directory,
            options: .init(
                ringBytes: Self.ringBytes, initialSlots: 2, identities: .plain, flushIntervalNanoseconds: 1,
                clock: UInt64(QPCM_CLOCK_REALTIME), session: session),
            ringed: outcome.ringed, direct: outcome.direct)
        slots = [live.takeFreeSlot()!, live.takeFreeSlot()!]
        drainer = Drainer(
            map: live.map, session: session, clock: UInt64(QPCM_CLOCK_REALTIME), writer: outcome.writer,
            ringed: outcome.ringed, stored: .none)
        replacement = LogReplacement(place: outcome.place, live: live, session: session, writer: outcome.writer)
        self.live = live
        self.held = held
    }

    /// The process ends; nothing is flushed or closed in order.
    func vanish() {
        drainer = nil
        replacement = nil
        live = nil
        held?.release()
        held = nil
    }

    // MARK: Steps

    /// One message, or a batch, as the hooks record them. `stopAfter` leaves the call unfinished at one of its stores,
    /// as a kill would.
    func call(stopBeforeCount: Bool = false) {
        let producer = RingProducer(slot: slots[Int(random.next() % 2)])
        let isBatch = random.next() % 4 == 0
        let count = isBatch ? Int(random.next() % 40) : 1
        let seqs = (0..<count).map { _ -> UInt64 in
            defer { nextSeq += 1 }
            return nextSeq
        }
        let key = (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next() % 4) }
        let size = random.next() % 5000
        key.withUnsafeBufferPointer { key in
            let field = RecordField.key(key.baseAddress, key.count)
            let each = RingProducer.recordBytes(fields: 64)
            let need = (isBatch ? RingProducer.recordBytes(fields: 0) : 0) + UInt64(count) * each
            guard var position = producer.claim(need) else {
                drop(isBatch: isBatch, count: count, size: size, producer.direct)
                return
            }
            clock += random.next() % 3_000_000_000
            let ticks = clock
            if isBatch {
                producer.put(
                    kind: UInt8(QPCM_RECORD_BATCH_BEGIN), flags: 0, ticks: ticks, a: UInt64(count), .absent,
                    .absent, .absent, at: &position)
            }
            for seq in seqs {
                producer.put(
                    kind: UInt8(isBatch ? QPCM_RECORD_BATCH_MESSAGE : QPCM_RECORD_MESSAGE), flags: 0, ticks: ticks,
                    a: size, b: seq, field, field, .absent, at: &position)
            }
            producer.commit(position)
            returned.formUnion(seqs)
            if stopBeforeCount { return }
            if isBatch { Tally.batchCall(messages: UInt64(count), into: producer.ringed) }
            Tally.recorded(isBatch ? .batchEnqueue : .messageEnqueue, events: UInt64(count), into: producer.ringed)
            for _ in seqs { Tally.message(isBatch ? .batch : .single, bytes: size, sealed: false, into: producer.ringed) }
        }
    }

    private func drop(isBatch: Bool, count: Int, size: UInt64, _ counters: CounterBlock) {
        if isBatch { Tally.batchCall(messages: UInt64(count), into: counters) }
        for _ in 0..<count { Tally.message(isBatch ? .batch : .single, bytes: size, sealed: false, into: counters) }
        counters.add(
            UInt64(count), to: CounterIndex.dropped(isBatch ? .batchEnqueue : .messageEnqueue, .ringFull))
        dropped += UInt64(count)
    }

    func drain() throws {
        _ = drainer!.look()
        _ = try drainer!.step()
    }

    func checkpoint() throws { try drainer!.writer.checkpoint(truncating: false) }

    func chance(_ oneIn: UInt64) -> Bool { below(oneIn) == 0 }

    func below(_ limit: UInt64) -> UInt64 { random.next() % limit }

    // MARK: Faults

    /// The calls that write or sync fail for a while, from some moment on.
    func beginFault() {
        let kinds = [FAULT_FULL, FAULT_IO, FAULT_SHORT_WRITE]
        fault_vfs_fail(Int32(kinds[Int(below(3))]), Int64(below(40)), Int64(1 + below(12)))
    }

    func endFault() { fault_vfs_fail(Int32(FAULT_NONE), 0, 0) }

    /// As the plugin's thread does: a failing flush is tried again, a connection that fails is made anew, a log that is
    /// damaged, deleted or moved is replaced.
    func drainThroughFaults() throws {
        for _ in 0..<200 {
            do {
                if let writer = drainer?.writer, let change = replacement!.change(of: writer) {
                    replacement!.close(&drainer, .changed(change))
                }
                if drainer == nil { drainer = try replacement!.open() }
                try drain()
                return
            } catch let error as LogError {
                if error.cause == .corrupt {
                    if drainer == nil { replacement!.meet(error) } else { replacement!.close(&drainer, .damaged(error)) }
                } else if chance(3) {
                    replacement!.close(&drainer, .failing)
                }
            }
        }
        throw TestFailure("it never healed")
    }

    /// The log is deleted, or moved with or without what is beside it.
    func loseLog() throws {
        try replacement.map { if drainer == nil { drainer = try $0.open() } }
        drainer?.writer.connection.leaveFilesOnClose()
        let inLog = try Self.sequences(directory)
        let isWhole = chance(2)
        for end in ["", "-wal", "-shm"] where end.isEmpty || isWhole {
            let path = directory + "/events.db" + end
            if chance(2) { unlink(path) } else { rename(path, directory + "/moved" + end) }
        }
        gone.formUnion(inLog)
        durable = []
        try drainThroughFaults()
        // What the new log has is not gone after all: the write-ahead file may have stayed.
        gone.subtract(try Self.sequences(directory))
    }

    func sync() throws {
        guard let drainer else { return }
        try drainer.writer.sync()
        durable = try Self.sequences(directory)
        liveOnDisk = try read(directory + "/live.qpcm")
    }

    /// The sequence numbers of the rows that are in a log.
    static func sequences(_ directory: String) throws -> Set<UInt64> {
        var found: Set<UInt64> = []
        try EventLogReader(directory: directory).read(EventFilter()) { event in
            if case .number(let seq) = event.values[4] { found.insert(seq) }
            return true
        }
        return found
    }

    /// What a power cut leaves: of all that was not synced, some of the old and some of the new.
    func copyAfterPowerCut(to target: String) throws {
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in ["events.db", "events.db-wal"] {
            guard fault_vfs_copy_after_cut(directory + "/" + name, target + "/" + name, random.next()) >= 0 else {
                throw TestFailure("cannot copy \(name)")
            }
        }
        var now = try read(directory + "/live.qpcm")
        for start in stride(from: 0, to: min(now.count, liveOnDisk.count), by: 4096) where chance(2) {
            let page = start..<min(start + 4096, now.count, liveOnDisk.count)
            now.replaceSubrange(page, with: liveOnDisk[page])
        }
        try overwrite(target + "/live.qpcm", with: now)
    }

    // MARK: What a crash leaves

    func copy(to target: String) throws { try copy(["events.db", "events.db-wal", "live.qpcm"], to: target) }

    /// A kill between the drain's commit and the release of its records: the log as after, the live file as before.
    func copyBetweenCommitAndRelease(to target: String) throws {
        try copy(["live.qpcm"], to: target)
        try drain()
        try copy(["events.db", "events.db-wal"], to: target)
    }

    private func copy(_ names: [String], to target: String) throws {
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in names
        where FileManager.default.fileExists(atPath: directory + "/" + name) {
            try FileManager.default.copyItem(atPath: directory + "/" + name, toPath: target + "/" + name)
        }
    }
}

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

    init(directory: String, seed: UInt64) throws {
        self.directory = directory
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
        self.live = live
        self.held = held
    }

    /// The process ends; nothing is flushed or closed in order.
    func vanish() {
        drainer = nil
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
            let ticks = TickClock.realtimeNanoseconds()
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

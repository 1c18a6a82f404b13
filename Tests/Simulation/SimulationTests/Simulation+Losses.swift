import CFaultVFS
import CMetricsLayout
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import TestSupport

@testable import EventDrain

/// What happens to a running server's files.
extension Simulation {
    private var log: String { DataFile.log.path(in: directory) }

    /// One of the ways in which a log or a ring is damaged or lost.
    func suffer() throws {
        try heal()
        // So that nothing leaves by age in the meantime and passes for lost.
        try settleMaintenance()
        switch below(6) {
        case 0, 1: try loseLog()
        case 2: try loseBesides()
        case 3: try damageLog()
        case 4: try putBack()
        default: try damageRing()
        }
    }

    /// Lets something happen to the log, and heals. What the log had and the next one does not have is gone.
    private func change(_ body: () throws -> Void) throws {
        // Closing must not write the WAL over what was changed, or the book could not tell what is gone.
        // What waits may reach the old log before it is gone.
        let before = Set(try rows().map(\.seq)).union(book.undrained)
        try body()
        book.durable = []
        // Until the drain looks at its files again.
        clock.pass(500_000_000)
        try heal()
        let after = Set(try rows().map(\.seq))
        let came = after.subtracting(before)
        if !came.isDisjoint(with: book.removed.union(book.gone)) { book.isMuddled = true }
        book.gone.formUnion(before.subtracting(after))
        book.gone.subtract(after)
        book.removed.subtract(after)
        tell("of \(before.count) rows \(after.count) are left; \(book.gone.count) are gone so far")
    }

    /// The log is deleted or moved, with or without its -wal and -shm.
    private func loseLog() throws {
        tell("the log is lost")
        counts.logsLost += 1
        try change {
            let isWhole = chance(2)
            for end in ["", "-wal", "-shm"] where end.isEmpty || isWhole {
                if chance(2) { unlink(log + end) } else { rename(log + end, place + "/moved" + end) }
            }
        }
    }

    /// The files beside the log are deleted, which loses nothing.
    private func loseBesides() throws {
        tell("-wal or -shm is lost")
        counts.filesBesideLost += 1
        let before = book.gone
        try change {
            let which = below(3)
            if which != 1 { unlink(log + "-wal") }
            if which != 0 { unlink(log + "-shm") }
        }
        guard book.gone == before else { throw TestFailure("a deleted -wal or -shm cost events") }
    }

    /// Pages of the log are overwritten, or cut off, by another program: between two turns of the loop, or while one writes.
    private func damageLog() throws {
        tell("the log is damaged")
        counts.logsDamaged += 1
        let isDuringWrite = chance(2)
        if isDuringWrite { callsAtOnce(Int(1 + below(30))) }
        try change { if isDuringWrite { try duringNextWrite { try self.overwriteLog() } } else { try overwriteLog() } }
    }

    private func overwriteLog() throws {
        var bytes = try read(log)
        switch below(3) {
        case 0:
            let start = Int(below(UInt64(bytes.count / 4096))) * 4096
            bytes.replaceSubrange(start..<min(start + 4096, bytes.count), with: random.bytes(4096))
        case 1:
            for _ in 0..<3 {
                let start = Int(below(UInt64(bytes.count / 4096))) * 4096
                for index in start..<min(start + 4096, bytes.count) { bytes[index] = 0 }
            }
        default: bytes.removeLast(Int(below(UInt64(bytes.count))))
        }
        try overwrite(log, with: bytes)
        // As if some seconds later, however fast this went.
        var times = [timespec(tv_sec: 1_900_000_000 + Int(below(1 << 20)), tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        times[1] = times[0]
        utimensat(AT_FDCWD, log, times, 0)
    }

    /// Between the loop's look at its files and whatever it does to them later in the same turn.
    private func duringNextWrite(_ body: @escaping () throws -> Void) throws {
        let trap = WriteTrap(body)
        fault_vfs_at(
            1, { context in Unmanaged<WriteTrap>.fromOpaque(context!).takeUnretainedValue().spring() },
            Unmanaged.passUnretained(trap).toOpaque())
        defer { fault_vfs_at(0, nil, nil) }
        _ = flush()
        try trap.finish()
    }

    /// An earlier copy of the log is put in its place.
    private func putBack() throws {
        guard let olderLog else { return try keepCopy() }
        tell("an older log is put back")
        counts.logsPutBack += 1
        try change { rename(olderLog, log) }
        self.olderLog = nil
    }

    func keepCopy() throws {
        guard let drainer, (try? drainer.writer.checkpoint(truncating: true)) != nil else { return }
        let copy = place + "/older.db"
        try overwrite(copy, with: try read(log))
        olderLog = copy
    }

    /// A record in a ring is overwritten with junk: it and what follows it in that ring is counted as torn.
    private func damageRing() throws {
        for _ in 0..<Int(3 + below(20)) { call() }
        let pending = book.undrained
        let before = Set(try rows().map(\.seq))
        let slot = Int(below(UInt64(slots.count)))
        let ring = slots[slot] + QPCM_SLOT_RING
        let head = RingConsumer.head(of: slots[slot])
        let waiting = RingConsumer.tail(of: slots[slot]) - head
        guard waiting > 0 else { return }
        tell("ring \(slot) is damaged")
        counts.ringsDamaged += 1
        let size = UInt64(live!.map.ringBytes)
        // The first record's stamp, or some 64 bytes from where a record may begin.
        let at = chance(2) ? head : head + below(waiting / 64) * 64
        memset(ring + Int(at & (size - 1)), Int32(0xA5), 64)
        try heal()
        // The drain counts them within a second.
        clock.pass(1_000_000_000)
        try heal()
        let found = Set(try rows().map(\.seq))
        let missing = book.expected.subtracting(found).filter { !before.contains($0) }
        // Which of two fates an old event had, the book cannot tell.
        if missing.contains(where: { book.mayHaveAged($0) }) { book.isMuddled = true }
        let torn = missing.filter { book[$0].slot == slot || !book.mayHaveAged($0) }
        book.removed.formUnion(missing.subtracting(torn))
        guard torn.isSubset(of: pending.filter { book[$0].slot == slot }) else {
            throw TestFailure("a damaged ring cost events of another: \(torn.sorted())")
        }
        book.gone.formUnion(torn)
    }
}

/// Does something once, at a write.
private final class WriteTrap {
    private var body: (() throws -> Void)?
    private var failure: (any Error)?

    init(_ body: @escaping () throws -> Void) { self.body = body }

    func spring() {
        guard let body else { return }
        self.body = nil
        do { try body() } catch { failure = error }
    }

    /// If nothing was written, it is done now.
    func finish() throws {
        spring()
        if let failure { throw failure }
    }
}

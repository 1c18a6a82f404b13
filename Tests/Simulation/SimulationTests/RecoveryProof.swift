import EventLog
import Foundation
import MetricsModel
import MetricsQuery
import TestSupport

@testable import EventDrain

/// Recovers what a kill or a power cut has left, and compares the log, the ledger and the counters with the book.
struct RecoveryProof {
    let moment: CrashCopy
    /// No fault but the kill: then nothing is lost, and batches are complete.
    let isQuiet: Bool
    /// The highest value that each counter has shown.
    let highest: [UInt64]

    private var book: EventBook { moment.book }

    func prove() throws {
        let first = try recover()
        if isQuiet {
            try expect(first.lost == 0 && first.torn == 0, "lost \(first.lost), torn \(first.torn)")
            try expect(try recover().recovered == 0, "recovered twice")
        }
        let ledger: MetricsQuery.Ledger
        do { ledger = try MetricsQuery.Ledger.prove(DataSource(directory: moment.directory)) } catch {
            throw TestFailure("the ledger: \(error.message)")
        }
        try expect(ledger.isExact, "the ledger is not exact: \(ledger.lines)")
        try expect(ledger.problems.isEmpty, "\(ledger.problems)")
        try expect(ledger.lines.allSatisfy { $0.pending == 0 }, "something waits after the recovery")

        let rows = try LogRow.all(in: moment.directory)
        try prove(rows)
        try book.names.note(rows)
        try expect(
            ledger.lines.reduce(0) { $0 + $1.inLog } == UInt64(rows.count), "rows name what the log does not know")
        if !moment.isPowerCut { try proveCounts(ledger, first.counters) }
    }

    private struct Recovered {
        var recovered: Int
        var lost: UInt64
        var torn: UInt64
        /// The counters with which the next session would begin.
        var counters: [UInt64]
    }

    private func recover() throws -> Recovered {
        let held = try DataDirectory(path: moment.directory, create: false)
        do {
            let outcome = try Recovery.run(
                held, settings: Settings(identities: .plain), log: Simulation.log)
            return Recovered(
                recovered: outcome.recovered, lost: outcome.lost, torn: outcome.torn,
                counters: (0..<CounterIndex.words).map { outcome.ringed[$0] &+ outcome.direct[$0] })
        } catch { throw TestFailure(error.message) }
    }

    private func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
        guard !holds else { return }
        throw TestFailure((moment.isPowerCut ? "after a power cut: " : "after a kill: ") + otherwise())
    }

    private func prove(_ rows: [LogRow]) throws {
        let found = Set(rows.map(\.seq))
        let twice = Dictionary(grouping: rows, by: \.seq).filter { $0.value.count > 1 }
        try expect(twice.isEmpty, "twice in the log: \(twice.map { "\($0.key) as \($0.value.map(\.id))" }.sorted())")
        try expect(found.isSubset(of: book.returned), "never recorded: \(found.subtracting(book.returned).sorted())")
        if moment.isPowerCut {
            let lost = book.durable.subtracting(book.leaving).subtracting(found).filter { !book.mayHaveAged($0) }
            try expect(lost.isEmpty, "synced and lost: \(lost.sorted())")
        } else {
            let lost = book.expected.subtracting(book.leaving).subtracting(found).filter { !book.mayHaveAged($0) }
            try expect(lost.isEmpty, "lost: \(lost.sorted())")
            let back = found.subtracting(book.expected)
            try expect(back.isEmpty, "gone or removed, and there: \(back.sorted())")
        }
        var latest: [Int: UInt64] = [:]
        var calls: [Int64: UInt64] = [:]
        for row in rows {
            let entry = book[row.seq]
            try expect(row.kind == entry.kind && row.bytes == entry.bytes, "\(row.seq) is another event")
            try expect(row.keys.count == keysOf(row.kind), "\(row.seq) names \(row.keys.count) people")
            try expect(row.keys.allSatisfy { $0 == Simulation.key(of: entry.person) }, "\(row.seq) names another")
            if row.kind == .batchEnqueue {
                let call = calls.updateValue(entry.call, forKey: row.batch) ?? entry.call
                try expect(call == entry.call, "batch \(row.batch) is of two calls, of \(call) and \(entry.call)")
            }
            try expect(row.time == entry.time, "\(row.seq) has another time")
            try expect(moment.isPowerCut || book.owners[row.id] ?? row.seq == row.seq, "id \(row.id) was given twice")
            // Slots are told apart within one life only; sequence numbers rise across all of them.
            try expect(latest[entry.slot] ?? 0 < row.seq, "\(row.seq) comes after \(latest[entry.slot] ?? 0)")
            latest[entry.slot] = row.seq
        }
        if !moment.isPowerCut, !book.isWithinBatch, book.gone.isEmpty, book.removed.union(book.leaving).isEmpty,
            book.retentionStart == .min
        {
            try proveBatches()
        }
    }

    private func keysOf(_ kind: EventKind) -> Int {
        switch kind {
        case .messageEnqueue, .batchEnqueue: 2
        case .auth: 0
        case .channelCreated, .fetch, .userRegistered: 1
        }
    }

    private func proveBatches() throws {
        let database = try Database(path: DataFile.log.path(in: moment.directory), mode: .reader)
        let broken = try database.integer(
            """
            SELECT batch FROM batch_message GROUP BY batch HAVING min(id) <> batch OR count(*) <> max(batch_size)
                OR min(batch_size) <> max(batch_size)
            """)
        try expect(broken == nil || book.dropped[EventKind.batchEnqueue.index] > 0, "batch \(broken ?? 0) is not whole")
    }

    private func proveCounts(_ ledger: MetricsQuery.Ledger, _ counters: [UInt64]) throws {
        for index in 0..<CounterIndex.words {
            try expect(
                counters[index] >= highest[index], "\(CounterName.text(index)) fell from \(highest[index]) to \(counters[index])")
        }
        guard !book.isMuddled else { return }
        for (line, recorded) in zip(ledger.lines, book.recorded) {
            try expect(line.recorded == recorded, "\(line.kind.name): \(recorded) were recorded, \(line)")
        }
        let dropped = ledger.lines.reduce(0) { $0 + $1.dropped }
        let expected = book.dropped.reduce(0, +) + UInt64(book.gone.count)
        try expect(dropped == expected, "dropped are \(dropped), not \(expected): \(ledger.lines)")
    }
}

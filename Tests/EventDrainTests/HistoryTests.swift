import CFaultVFS
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import MetricsQuery
import TestSupport
import Testing

@testable import EventDrain

/// Seeded histories of calls, flushes, checkpoints, crashes and restarts. After each, what was recorded must be in the log
/// once, the ledger exact, and no counter lower than before.
@Suite(.serialized) struct HistoryTests {
    @Test func whateverHappensEachEventIsInTheLogOnce() throws {
        let first = UInt64(ProcessInfo.processInfo.environment["QPC_SEED"] ?? "") ?? 1
        let histories = UInt64(ProcessInfo.processInfo.environment["QPC_HISTORIES"] ?? "") ?? 12
        print("seeds \(first) to \(first + histories - 1); QPC_SEED and QPC_HISTORIES choose others")
        for seed in first..<first + histories { try tell(seed: seed) }
    }

    /// The same under failing writes and syncs, logs that are deleted or moved while in use, kills and power cuts.
    @Test func whateverFailsTheLedgerHolds() throws {
        let first = UInt64(ProcessInfo.processInfo.environment["QPC_SEED"] ?? "") ?? 1
        let histories = FaultFigures.count("QPC_HISTORIES", usually: 12)
        print("seeds \(first) to \(first + UInt64(histories) - 1); QPC_SEED and QPC_HISTORIES choose others")
        var cuts = 0
        let before = fault_vfs_failures()
        for seed in first..<first + UInt64(histories) {
            do { try tellWithFaults(seed: seed, &cuts) } catch { throw TestFailure("seed \(seed): \(error)") }
        }
        #expect(histories < 5 || (cuts > 0 && fault_vfs_failures() > before), "nothing ever failed")
        FaultFigures.record("simulated histories with faults", tries: histories)
    }

    private func tellWithFaults(seed: UInt64, _ cuts: inout Int) throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("qpc-history-\(UUID())").path
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: base) }
        let history = try History(directory: base + "/data", seed: seed)
        var highest = [UInt64](repeating: 0, count: CounterIndex.words)
        for _ in 0..<12 {
            if history.chance(2) { history.beginFault() }
            for _ in 0..<Int(1 + history.below(40)) {
                if history.chance(8) { try history.drainThroughFaults() }
                if history.chance(20) { try? history.checkpoint() }
                history.call(stopBeforeCount: false)
            }
            history.endFault()
            if history.chance(3) { try history.loseLog() }
            if history.chance(2) {
                try history.drainThroughFaults()
                try history.sync()
            }
            try expectNoLower(
                try SnapshotReader.read(DataSource(directory: history.directory)).counters, than: &highest, seed)

            let copy = base + "/crash"
            if history.chance(3) {
                cuts += 1
                try history.copyAfterPowerCut(to: copy)
                try proveAfterPowerCut(copy, history, seed)
            } else {
                try history.copy(to: copy)
                try proveAfterCrash(copy, history, atLeast: highest, seed)
            }
            try FileManager.default.removeItem(atPath: copy)
            if history.chance(6) {
                history.vanish()
                try history.start()
            }
        }
    }

    private func recover(_ directory: String) throws -> MetricsQuery.Ledger {
        let held = try DataDirectory(path: directory, create: false)
        _ = try Recovery.run(
            held, options: .init(identities: .plain, syncEachCommit: false), say: StandardError(level: .error))
        return try MetricsQuery.Ledger.prove(DataSource(directory: directory))
    }

    private func proveAfterCrash(_ directory: String, _ history: History, atLeast: [UInt64], _ seed: UInt64) throws {
        let ledger = try recover(directory)
        #expect(ledger.isExact && ledger.problems.isEmpty, "seed \(seed): \(ledger)")
        let found = try History.sequences(directory)
        let lost = history.returned.subtracting(history.gone).subtracting(found)
        #expect(lost.isEmpty, "seed \(seed): lost \(lost.sorted())")
        #expect(found.isSubset(of: history.returned), "seed \(seed): never called")
        #expect(ledger.lines.reduce(0) { $0 + $1.inLog } == UInt64(found.count), "seed \(seed): twice in the log")
        let dropped = ledger.lines.reduce(0) { $0 + $1.dropped }
        #expect(dropped == history.dropped + UInt64(history.gone.count), "seed \(seed): \(ledger.lines)")
        var highest = atLeast
        try expectNoLower(
            try SnapshotReader.read(DataSource(directory: directory)).counters, than: &highest, seed)
    }

    private func proveAfterPowerCut(_ directory: String, _ history: History, _ seed: UInt64) throws {
        let ledger = try recover(directory)
        #expect(ledger.isExact && ledger.problems.isEmpty, "seed \(seed): power cut: \(ledger)")
        let found = try History.sequences(directory)
        let lost = history.durable.subtracting(found)
        #expect(lost.isEmpty, "seed \(seed): synced and lost \(lost.sorted())")
        #expect(found.isSubset(of: history.returned), "seed \(seed): never called")
        #expect(ledger.lines.reduce(0) { $0 + $1.inLog } == UInt64(found.count), "seed \(seed): twice in the log")
    }

    private func tell(seed: UInt64) throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("qpc-history-\(UUID())").path
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: base) }
        let history = try History(directory: base + "/data", seed: seed)
        var highest = [UInt64](repeating: 0, count: CounterIndex.words)
        var crashes = 0
        for _ in 0..<30 {
            for _ in 0..<Int(1 + history.below(60)) {
                if history.chance(12) { try history.drain() }
                if history.chance(40) { try history.checkpoint() }
                history.call(stopBeforeCount: false)
            }
            if history.chance(3) { history.call(stopBeforeCount: true) }
            let seen = try SnapshotReader.read(DataSource(directory: history.directory)).counters
            try expectNoLower(seen, than: &highest, seed)

            // What a kill now would leave, recovered elsewhere.
            crashes += 1
            let copy = base + "/crash-\(crashes)"
            if history.chance(3) {
                try history.copyBetweenCommitAndRelease(to: copy)
            } else {
                try history.copy(to: copy)
            }
            try recoverAndProve(copy, history, atLeast: highest, seed)
            try FileManager.default.removeItem(atPath: copy)

            if history.chance(5) {
                history.vanish()
                try history.start()
            }
        }
        #expect(history.returned.count > 100, "seed \(seed) tells too little")
    }

    private func recoverAndProve(_ directory: String, _ history: History, atLeast: [UInt64], _ seed: UInt64) throws {
        let source = DataSource(directory: directory)
        let before = try MetricsQuery.Ledger.prove(source)
        #expect(before.isExact, "seed \(seed): before recovery \(before.lines)")
        for attempt in 1...2 {
            let held = try DataDirectory(path: directory, create: false)
            let outcome = try Recovery.run(
                held, options: .init(identities: .plain, syncEachCommit: false), say: StandardError(level: .error))
            #expect(outcome.lost == 0 && outcome.torn == 0, "seed \(seed)")
            if attempt == 2 { #expect(outcome.recovered == 0, "seed \(seed): recovered twice") }
        }
        let ledger = try MetricsQuery.Ledger.prove(source)
        #expect(ledger.isExact && ledger.problems.isEmpty, "seed \(seed): \(ledger)")
        #expect(ledger.lines.allSatisfy { $0.pending == 0 })
        #expect(ledger.lines.reduce(0) { $0 + $1.dropped } == history.dropped)

        var found: [UInt64] = []
        let log = try #require(try source.log())
        var batches: [UInt64: UInt64] = [:]
        try log.read(EventFilter()) { event in
            if case .number(let seq) = event.values[4] { found.append(seq) }
            if event.kind == .batchEnqueue, case .number(let batch) = event.values[5] { batches[batch, default: 0] += 1 }
            return true
        }
        #expect(Set(found).count == found.count, "seed \(seed): twice in the log")
        #expect(Set(found) == history.returned, "seed \(seed): lost \(history.returned.subtracting(found).sorted())")
        try log.read(EventFilter()) { event in
            if event.kind == .batchEnqueue, case .number(let batch) = event.values[5],
                case .number(let size) = event.values[6]
            {
                #expect(batches[batch] == size, "seed \(seed): a batch in the log is whole")
            }
            return true
        }
        var highest = atLeast
        try expectNoLower(try SnapshotReader.read(source).counters, than: &highest, seed)
    }

    private func expectNoLower(_ counters: [UInt64], than highest: inout [UInt64], _ seed: UInt64) throws {
        for index in 0..<CounterIndex.words {
            #expect(counters[index] >= highest[index], "seed \(seed): \(CounterName.text(index)) went down")
            highest[index] = max(highest[index], counters[index])
        }
    }
}

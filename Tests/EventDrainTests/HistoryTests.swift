import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import MetricsQuery
import Testing

@testable import EventDrain

/// Seeded histories of calls, flushes, checkpoints, crashes and restarts. After each, what was recorded must be in the log
/// once, the ledger exact, and no counter lower than before.
@Suite struct HistoryTests {
    @Test func whateverHappensEachEventIsInTheLogOnce() throws {
        let first = UInt64(ProcessInfo.processInfo.environment["QPC_SEED"] ?? "") ?? 1
        let histories = UInt64(ProcessInfo.processInfo.environment["QPC_HISTORIES"] ?? "") ?? 12
        print("seeds \(first) to \(first + histories - 1); QPC_SEED and QPC_HISTORIES choose others")
        for seed in first..<first + histories { try tell(seed: seed) }
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
        let before = try Ledger.prove(source)
        #expect(before.isExact, "seed \(seed): before recovery \(before.lines)")
        for attempt in 1...2 {
            let held = try DataDirectory(path: directory, create: false)
            let outcome = try Recovery.run(
                held, options: .init(identities: .plain, syncEachCommit: false), say: StandardError(level: .error))
            #expect(outcome.lost == 0 && outcome.torn == 0, "seed \(seed)")
            if attempt == 2 { #expect(outcome.recovered == 0, "seed \(seed): recovered twice") }
        }
        let ledger = try Ledger.prove(source)
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

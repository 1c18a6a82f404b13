import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

/// Hooks, drain and log on one thread, over a file system and a clock that a seed tells: kills, power cuts, failing disks,
/// logs that are taken away or damaged, removals. After each kill or cut, what was recorded must be in the log once, or
/// counted as what became of it.
@Suite struct HistoryTests {
    /// Failures of more seeds than this are all of one cause.
    private static let enough = 10

    /// `QPC_HISTORIES` says how many there are, and `QPC_SEED` the first one's seed: with 1, a history that failed is
    /// told again, and `QPC_TELL=1` tells it aloud.
    @Test func whateverHappensTheLedgerHolds() throws {
        let histories = FaultFigures.count("QPC_HISTORIES", usually: 20)
        let first = SeededGenerator.announced("HistoryTests").seed
        let place = (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()) + "/qpc-history-\(UUID())"
        defer { TemporaryDirectory.remove(place) }
        let told = Mutex((next: 0, counts: HistoryCounts(), failures: [String]()))
        let workers = min(histories, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let number = told.withLock { told -> Int? in
                    guard told.next < histories, told.failures.count < Self.enough else { return nil }
                    told.next += 1
                    return told.next - 1
                }
                guard let number else { return }
                let seed = first &+ UInt64(number)
                do {
                    let counts = try HistoryTale.tell(seed: seed, in: "\(place)-\(worker)")
                    told.withLock { $0.counts.add(counts) }
                } catch {
                    told.withLock { $0.failures.append("QPC_SEED=\(seed) QPC_HISTORIES=1: \(error)") }
                }
            }
        }
        let (next, counts, failures) = told.withLock { ($0.next, $0.counts, $0.failures) }
        print("\(next) histories from seed \(first); in a hundred: \(counts.described(histories: next))")
        for failure in failures { Issue.record(Comment(rawValue: failure)) }
        #expect(histories < 300 || !failures.isEmpty || counts.missing.isEmpty, "never came to be: \(counts.missing)")
        FaultFigures.record("simulated histories with faults", tries: next, lost: UInt64(failures.count))
    }
}

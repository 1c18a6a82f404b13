import CFaultVFS
import Dispatch
import EventLog
import Foundation
import MetricsModel
import Synchronization
import TestSupport
import Testing

@testable import EventDrain

/// Hooks, drain and log on one thread, over a file system and a clock that a seed determines: kills, power cuts, failing
/// disks, logs that are taken away or damaged, removals. After each kill or power cut, what was recorded must be in the log
/// once, or counted as what became of it.
@Suite struct SimulationTests {
    /// After a failed sync the kernel treats the pages as clean, so the success of the next sync says nothing about them.
    @Test("What a sync failed for is written once more", arguments: 1...UInt64(60))
    func failedSyncs(seed: UInt64) throws {
        let (simulation, place) = try Self.newSimulation(seed: seed)
        defer { Self.remove(place) }
        for _ in 0..<40 { simulation.call() }
        try simulation.heal()
        try simulation.sync()
        try simulation.drainer!.writer.checkpoint(truncating: true)
        for _ in 0..<40 { simulation.call() }
        try simulation.heal()
        let failed = fault_vfs_failed_syncs()
        fault_vfs_fail(Int32(FAULT_IO), 1, 1)
        // A checkpoint begins with a sync.
        if seed % 2 == 0 { try? simulation.drainer!.writer.sync() } else { simulation.checkpoint() }
        #expect(fault_vfs_failed_syncs() == failed + 1)
        fault_vfs_fail(Int32(FAULT_NONE), 0, 0)
        // Otherwise the checkpoint itself has to take care of it.
        if seed % 4 >= 2 { try simulation.sync() }
        // A second checkpoint must not write over the log from pages that are only in memory.
        let caught =
            seed % 4 < 2
            ? try simulation.moment(within: 30, powerCut: true, to: place + "/left") { simulation.checkpoint() }
            : try CrashCopy(simulation, powerCut: true, to: place + "/left")
        guard let caught else { return }
        if seed % 4 >= 2 { #expect(simulation.book.durable.count > 40) }
        try RecoveryProof(
            moment: caught, isQuiet: false,
            highest: [UInt64](repeating: 0, count: CounterIndex.words)
        ).prove()
    }

    /// A segment is marked by its rows or by its postings, and a flush can index it between two steps.
    @Test("Names in use outlive a sweep in whose midst a segment is sealed", arguments: 1...UInt64(40))
    func indexedWhileCollected(seed: UInt64) throws {
        let (simulation, place) = try Self.newSimulation(seed: seed)
        defer { Self.remove(place) }
        // Few, so that some name is in only one list of one segment.
        for _ in 0..<8 { simulation.call() }
        try simulation.heal()
        simulation.comeToSegmentEnd(within: 1)
        let drainer = simulation.drainer!
        let full = drainer.writer.nextID
        let sweep = try drainer.writer.nameCollection()
        var steps: UInt64 = 0
        while !sweep.isDone {
            if steps == seed % 8 {
                simulation.call()
                try simulation.heal()
            }
            steps += 1
            guard !sweep.isMarking else {
                try sweep.step()
                continue
            }
            _ = try drainer.remove(.retention) { () throws(LogError) -> [UInt64] in
                try sweep.step()
                return []
            }
        }
        #expect(drainer.writer.nextID > full && sweep.deleted == 0)
        #expect(try drainer.writer.database.integer("SELECT count(*) FROM segment") ?? 0 > 0)
        try RecoveryProof(
            moment: CrashCopy(simulation, powerCut: false, to: place + "/left"), isQuiet: false,
            highest: [UInt64](repeating: 0, count: CounterIndex.words)
        ).prove()
    }

    private static func newSimulation(seed: UInt64) throws -> (Simulation, place: String) {
        let place = newPlace()
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        return (try Simulation(place: place, seed: seed, keepsItself: false), place)
    }

    private static func remove(_ place: String) {
        fault_vfs_forget(place)
        TemporaryDirectory.remove(place)
    }

    private static func newPlace() -> String {
        (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()) + "/qpc-simulation-\(UUID())"
    }

    /// If more seeds than this fail, they all have the same cause.
    private static let enough = 10

    /// `QPC_SIMULATIONS` says how many runs there are, and `QPC_SEED` the seed of the first: with one run, this repeats a run
    /// that failed, and `QPC_TELL=1` prints what happens in it.
    @Test func whateverHappensTheLedgerHolds() throws {
        let runs = FaultFigures.count("QPC_SIMULATIONS", usually: 20)
        let first = SeededGenerator.announced("SimulationTests").seed
        let place = Self.newPlace()
        defer { TemporaryDirectory.remove(place) }
        let told = Mutex((next: 0, counts: SimulationCounts(), failures: [String]()))
        let workers = min(runs, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let number = told.withLock { told -> Int? in
                    guard told.next < runs, told.failures.count < Self.enough else { return nil }
                    told.next += 1
                    return told.next - 1
                }
                guard let number else { return }
                let seed = first &+ UInt64(number)
                do {
                    let counts = try SimulationRun.run(seed: seed, in: "\(place)-\(worker)")
                    told.withLock { $0.counts.add(counts) }
                } catch {
                    told.withLock { $0.failures.append("QPC_SEED=\(seed) QPC_SIMULATIONS=1: \(error)") }
                }
            }
        }
        let (next, counts, failures) = told.withLock { ($0.next, $0.counts, $0.failures) }
        print("\(next) runs from seed \(first); in a hundred: \(counts.described(runs: next))")
        for failure in failures { Issue.record(Comment(rawValue: failure)) }
        #expect(runs < 300 || !failures.isEmpty || counts.missing.isEmpty, "never came to be: \(counts.missing)")
        FaultFigures.record("simulated runs with faults", tries: next, lost: UInt64(failures.count))
    }
}

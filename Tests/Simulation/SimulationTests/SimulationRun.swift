import CFaultVFS
import EventLog
import Foundation
import MetricsModel
import MetricsQuery
import TestSupport

/// One simulation run from beginning to end, determined by its seed.
struct SimulationRun {
    let seed: UInt64
    private let simulation: Simulation
    private let place: String
    private var isQuiet: Bool { simulation.isQuiet }
    private var highest = [UInt64](repeating: 0, count: CounterIndex.words)

    /// - Parameter place: its own directory, for files that may be gone afterwards.
    static func run(seed: UInt64, in place: String) throws -> SimulationCounts {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { Self.remove(place) }
        var run = try SimulationRun(seed: seed, place: place)
        return try run.run()
    }

    private static func remove(_ place: String) {
        fault_vfs_forget(place)
        TemporaryDirectory.remove(place)
    }

    private init(seed: UInt64, place: String) throws {
        self.seed = seed
        self.place = place
        simulation = try Simulation(place: place, seed: seed)
    }

    private mutating func run() throws -> SimulationCounts {
        let failures = fault_vfs_failures()
        for _ in 0..<12 {
            try live()
            if !isQuiet {
                if simulation.chance(3) { try simulation.suffer() }
                if simulation.chance(3) { try simulation.work(underFaults: simulation.chance(2)) }
                if simulation.chance(12) { try simulation.keepCopy() }
            }
            if simulation.chance(2) {
                try simulation.heal()
                try simulation.sync()
            }
            try look()
            try end()
        }
        try simulation.heal()
        let database = try Database(path: DataFile.log.path(in: simulation.directory), mode: .reader)
        simulation.counts.seals += Int(try database.integer("SELECT count(*) FROM segment") ?? 0)
        simulation.counts.events += simulation.book.entries.count
        simulation.counts.failedCalls += Int(fault_vfs_failures() - failures)
        return simulation.counts
    }

    /// Some calls and flushes, with and without faults.
    private func live() throws {
        if !isQuiet, simulation.chance(2) { simulation.beginFault() }
        for _ in 0..<Int(1 + simulation.below(50)) {
            if simulation.chance(8) { _ = simulation.flush() }
            if simulation.chance(4) { simulation.turn() }
            if simulation.chance(12) { try simulation.writeBackLiveFile() }
            if simulation.chance(20) { simulation.checkpoint() }
            if simulation.chance(30) { try simulation.sync() }
            simulation.call()
        }
        if simulation.chance(2) { try simulation.heal() }
        simulation.endFault()
    }

    /// No counter is lower than it was seen before, and the log knows how far it drained each ring.
    private mutating func look() throws {
        let shown = try SnapshotReader.read(DataSource(directory: simulation.directory)).counters
        for index in 0..<CounterIndex.words {
            guard shown[index] >= highest[index] else {
                throw TestFailure("\(CounterName.text(index)) fell from \(highest[index]) to \(shown[index]) while it ran")
            }
            highest[index] = shown[index]
        }
        try simulation.expectPositions()
    }

    /// A kill or a power cut, now or during the next writes; then perhaps the server's own end, and its next start.
    private mutating func end() throws {
        let copy = place + "/left"
        let fate = simulation.below(6)
        let isKilledInCall = fate == 0
        if isKilledInCall {
            simulation.call(stop: simulation.chance(2) ? .beforeCommit : .beforeCount)
        }
        if fate == 1, !isQuiet {
            // A copy taken during a shutdown, a kill's recovery or a flush.
            let caught = try simulation.moment(within: 60, to: copy) { try pass(simulation.below(3)) }
            if let caught { try prove(caught, inWrite: true) }
        } else if fate < 4 {
            let caught = try simulation.moment(within: 12, to: copy) {
                for _ in 0..<3 { simulation.call() }
                _ = simulation.flush()
                if simulation.chance(2) { simulation.checkpoint() }
                if simulation.chance(4) { try simulation.sync() }
            }
            if let caught { try prove(caught, inWrite: true) }
        } else {
            try prove(CrashCopy(simulation, powerCut: !isQuiet && simulation.chance(3), to: copy), inWrite: false)
        }
        Self.remove(copy)
        // A thread that was killed within a call never comes back.
        if isKilledInCall {
            try pass(0)
        } else if simulation.chance(8) {
            try pass(simulation.chance(3) ? 1 : 0)
        }
    }

    /// The server ends and starts again; or only its database connection to the log does.
    private func pass(_ way: UInt64) throws {
        switch way {
        case 0: simulation.vanish()
        case 1: try simulation.shutDown()
        default:
            return try simulation.reopen()
        }
        if isQuiet { try simulation.start() } else { try simulation.startThroughFaults() }
        simulation.endFault()
    }

    private func prove(_ moment: CrashCopy, inWrite: Bool) throws {
        if moment.isPowerCut {
            simulation.counts.powerCuts += 1
            simulation.counts.powerCutsInWrites += inWrite ? 1 : 0
        } else {
            simulation.counts.kills += 1
            simulation.counts.killsInWrites += inWrite ? 1 : 0
        }
        try RecoveryProof(moment: moment, isQuiet: isQuiet && !moment.isPowerCut, highest: highest).prove()
    }
}

import CFaultVFS
import CMetricsLayout
import EventLog
import Foundation
import MetricsMemory
import MetricsModel
import TestSupport

@testable import EventDrain

/// What a kill or a power cut leaves of a run: a copy of the data directory, to be recovered elsewhere.
///
/// That is exactly what a killed process leaves, since everything that outlives it is in files.
final class CrashCopy {
    let directory: String
    let isPowerCut: Bool
    let book: EventBook

    /// - Parameter directory: where the copy goes.
    init(_ simulation: Simulation, powerCut: Bool, to directory: String) throws {
        simulation.tell(powerCut ? "power cut" : "killed")
        self.directory = directory
        isPowerCut = powerCut
        book = simulation.book
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in [DataFile.log.name, DataFile.wal.name] {
            let source = simulation.directory + "/" + name
            if powerCut {
                guard fault_vfs_copy_after_cut(source, directory + "/" + name, simulation.random.next()) >= 0 else {
                    throw TestFailure("cannot copy \(name)")
                }
            } else if access(source, F_OK) == 0 {
                try overwrite(directory + "/" + name, with: try read(source))
            }
        }
        var now = try read(simulation.directory + "/live.qpcm")
        let then = simulation.liveOnDisk
        if powerCut {
            for start in stride(from: 0, to: min(now.count, then.count), by: 4096) where simulation.chance(2) {
                let page = start..<min(start + 4096, now.count, then.count)
                now.replaceSubrange(page, with: then[page])
            }
        }
        let path = directory + "/live.qpcm"
        try overwrite(path, with: now)
        if powerCut { Self.bootAgain(path) }
    }

    /// Makes it look like a file from an earlier boot.
    private static func bootAgain(_ path: String) {
        guard let live = try? LiveFileReader(path: path, writable: true), live.mismatch == nil else { return }
        live.map.set(MemoryLayout<qpcm_header>.offset(of: \.boot_id)!, 0)
        live.map.set(QPCM_HEADER_INIT_CHECK, live.map.initCheck)
    }
}

extension Simulation {
    /// The moment just before some write or sync that `body` causes: in the middle of a transaction, a checkpoint or a
    /// recovery. Nil if there are not that many.
    ///
    /// - Parameter powerCut: whether it is a power cut; nil for either.
    func moment(
        within writes: UInt64, powerCut: Bool? = nil, to directory: String, during body: () throws -> Void
    ) throws -> CrashCopy? {
        let trap = CrashTrap(self, isPowerCut: powerCut ?? (!isQuiet && chance(3)), directory)
        fault_vfs_at(
            Int64(1 + below(writes)),
            { context in Unmanaged<CrashTrap>.fromOpaque(context!).takeUnretainedValue().spring() },
            Unmanaged.passUnretained(trap).toOpaque())
        defer { fault_vfs_at(0, nil, nil) }
        try body()
        if let failure = trap.failure { throw failure }
        return trap.caught
    }
}

private final class CrashTrap {
    private unowned let simulation: Simulation
    private let isPowerCut: Bool
    private let directory: String
    private(set) var caught: CrashCopy?
    private(set) var failure: (any Error)?

    init(_ simulation: Simulation, isPowerCut: Bool, _ directory: String) {
        self.simulation = simulation
        self.isPowerCut = isPowerCut
        self.directory = directory
    }

    func spring() {
        // Hooks do not wait for the drain's commit.
        simulation.callsDuringWrite()
        do { caught = try CrashCopy(simulation, powerCut: isPowerCut, to: directory) } catch { failure = error }
    }
}

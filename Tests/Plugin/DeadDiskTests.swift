import Foundation
import TestSupport
import Testing

/// The file system under a running server dies and does not come back: ext4 after an error, or xfs shut down by its own
/// driver. From then on every call fails, and a store to a mapped page that was written back raises a signal. The server
/// goes on; once the machine is repaired, the log is as it was.
@Suite(.serialized) struct DeadDiskTests {
    enum Death: String, CaseIterable, Sendable {
        case ext4MadeReadOnly, ext4ShutDown, xfsShutDown

        var kind: String { self == .xfsShutDown ? "xfs" : "ext4" }

        func come(to disk: LoopDisk) throws {
            if self == .ext4MadeReadOnly { try disk.abort() } else { try disk.shutDown() }
        }
    }

    @Test("The server goes on when its file system dies", arguments: Death.allCases)
    func death(_ death: Death) throws {
        guard let disk = try LoopDisk(death.kind, for: "a dead file system") else { return }
        let place = TemporaryDirectory()
        let directory = disk.path + "/data"
        let host = try ServerHost.running(directory, ["FLUSH_INTERVAL": "50ms", "SYNC_INTERVAL": "100ms"])
        try host.ask(
            "drive threads=2 calls=1 seed=8 endless=1 pause_us=50 journal=\(ServerHost.encoded(place("journal")))")
        func returned() throws -> [UInt64] {
            let journal = try Journal(place("journal"))
            return (0..<6).map { journal.returned($0) }
        }
        func goOn(_ count: UInt64) throws {
            let enough = try returned().reduce(count, +)
            try eventually("\(count) more hooks return") {
                _ = try host.ask("threads")  // Throws if the host is dead.
                return try returned().reduce(0, +) > enough
            }
        }
        try goOn(5000)
        let covered = try returned()
        try host.ask("shutdown")

        try death.come(to: disk)
        let isNoticed = death == .xfsShutDown ? "no longer accepts" : "events wait in memory"
        try eventually("it is said") {
            _ = try host.ask("threads")  // Throws if the host is dead.
            return host.errors.contains(isNoticed)
        }
        // The kernel writes back now what it would have written half a minute later.
        for _ in 0..<4 {
            sync()
            try goOn(5000)
        }
        #expect(host.errorLines.filter { $0.contains("no longer accepts") }.count <= 1, "\(host.errors)")
        try host.ask("stop")
        try host.shutDown()

        try disk.restore()
        try ServerHost.running(directory).shutDown()
        let ledger = try CommandLineTool(directory).verify()
        var lost: UInt64 = 0
        for (kind, line) in ledger.lines.enumerated() where line.inLog < covered[kind] { lost += covered[kind] - line.inLog }
        #expect(lost == 0, "what on_shutdown covered is in the log")
        FaultFigures.record("file system dies, \(death.kind)", tries: 1, lost: lost)
    }

    /// The pages of the live file have just been written back, so every store to one asks the file system. The plugin meets its
    /// death in the log, between two looks, and must not store anything before it has looked.
    @Test("A flush that fails looks at the file system first", arguments: 1...3)
    func deathIsMetByAFlush(round: Int) throws {
        guard let disk = try LoopDisk("xfs", for: "a file system that dies under a flush") else { return }
        let host = try ServerHost.running(disk.path + "/data", ["FLUSH_INTERVAL": "50ms", "SYNC_INTERVAL": "100ms"])
        _ = try host.tally("drive threads=3 calls=40000 seed=\(round) pause_us=0")
        try disk.shutDown()
        try eventually("it is said") {
            _ = try host.ask("threads")  // Throws if the host is dead.
            return host.errors.contains("no longer accepts")
        }
        try host.shutDown()
    }
}

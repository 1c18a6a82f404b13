import Foundation
import TestSupport
import Testing

/// The log is deleted, moved, replaced or damaged while the server runs: a new one is begun without a restart, this is
/// reported once, and what was lost is counted.
///
/// `QPC_LOG_LOSSES` says how often each loss happens to a running server (2).
@Suite struct LogLossTests {
    enum Loss: String, CaseIterable, Sendable {
        case deleted, deletedWithAll, moved, movedWithAll, replacedByItsOwnCopy, replacedByAnothersLog, replacedByNoLog
        case writeAheadDeleted, indexDeleted, overwritten, headerOverwritten, cutOff

        var fault: String {
            switch self {
            case .deleted, .deletedWithAll: "log deleted while in use"
            case .moved, .movedWithAll: "log moved while in use"
            case .replacedByItsOwnCopy, .replacedByAnothersLog, .replacedByNoLog: "log replaced while in use"
            case .writeAheadDeleted, .indexDeleted: "-wal or -shm deleted while in use"
            case .overwritten, .headerOverwritten, .cutOff: "log damaged while in use"
            }
        }

        /// Whether rows are lost, which some line must report.
        var losesRows: Bool { self != .writeAheadDeleted && self != .indexDeleted }
    }

    /// Another server's log, in which some counters are higher than in this one's.
    private static let anothersLog: Result<[UInt8], any Error> = Result {
        let place = DataPlace()
        let host = try place.server(["RING_SIZE": "64KiB"])
        _ = try host.tally("drive threads=2 calls=5000 seed=77")
        try host.shutDown()
        return try read(place("events.db"))
    }

    private func shellMove(_ from: String, _ to: String) throws {
        guard rename(from, to) == 0 else { throw TestFailure.system("rename \(from)", errno) }
    }

    private func bringAbout(_ loss: Loss, at path: String, aside: String, copy: [UInt8]) throws {
        switch loss {
        case .deleted: unlink(path)
        case .deletedWithAll: for end in ["", "-wal", "-shm"] { unlink(path + end) }
        case .moved: try shellMove(path, aside)
        case .movedWithAll: for end in ["", "-wal", "-shm"] { try shellMove(path + end, aside + end) }
        case .replacedByItsOwnCopy: try put(copy, at: path, aside)
        case .replacedByAnothersLog: try put(Self.anothersLog.get(), at: path, aside)
        case .replacedByNoLog: try put(Array("not a log\n".utf8), at: path, aside)
        case .writeAheadDeleted: unlink(path + "-wal")
        case .indexDeleted: unlink(path + "-shm")
        case .overwritten: try damage(path, from: 4096)
        case .headerOverwritten: try damage(path, from: 0)
        case .cutOff: truncate(path, 0)
        }
    }

    private func put(_ bytes: [UInt8], at path: String, _ aside: String) throws {
        try overwrite(aside, with: bytes)
        try shellMove(aside, path)
    }

    /// Overwrites it in place, from there on; and the WAL too, which could repair what it covers.
    private func damage(_ path: String, from start: Int) throws {
        for (name, from) in [(path, start), (path + "-wal", 32)] {
            let size = max(fileSize(name) ?? 0, from + 65536)
            let descriptor = open(name, O_WRONLY | O_CLOEXEC)
            defer { close(descriptor) }
            let junk = [UInt8](repeating: 0x5A, count: size - from)
            guard pwrite(descriptor, junk, junk.count, off_t(from)) == junk.count else {
                throw TestFailure.system("damage \(name)", errno)
            }
        }
    }

    @Test("A server goes on in a new log when its own is", arguments: Loss.allCases)
    func loss(_ loss: Loss) throws { try endure(loss, looksAreSlow: false) }

    /// Each look at a file takes so long that the files change between two of them.
    @Test(
        "A server goes on in a new log when its own, just while it is checked, is",
        arguments: [Loss.deletedWithAll, .movedWithAll, .replacedByItsOwnCopy, .replacedByAnothersLog, .replacedByNoLog])
    func lossWhileLooking(_ loss: Loss) throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("slow looks at files", because: "strace may not trace here")
        }
        try endure(loss, looksAreSlow: true)
    }

    private func endure(_ loss: Loss, looksAreSlow: Bool) throws {
        let times = FaultFigures.count("QPC_LOG_LOSSES", usually: 2)
        let server = try LoadedServer(["FLUSH_INTERVAL": "50ms"], seed: 5)
        let path = server.directory + "/events.db"
        try eventually("events are in the log") { try server.isWritten(above: 500) }
        let tracer =
            looksAreSlow
            ? try server.inject(into: "newfstatat", "delay_exit=20000", server.place.temporary("tracer")) : nil
        var lines = 0
        for time in 1...times {
            let copy = try read(path)
            let start = Date()
            try bringAbout(loss, at: path, aside: server.place.temporary("aside-\(time)"), copy: copy)
            if !loss.losesRows {
                try eventually("\(loss): it is there again") { fileSize(path + "-wal") != nil && fileSize(path + "-shm") != nil }
            } else {
                try eventually("\(loss): a log is there that is used") {
                    fileSize(path) != nil && server.saidLines("events.db") > lines
                }
            }
            try server.awaitHealing(since: start, "\(loss): events are in the new log")
            lines = server.saidLines("events.db")
            try server.tool.verify()
        }
        tracer?.kill(SIGINT)
        tracer?.wait()
        let account = try server.end(isAlone: loss != .replacedByAnothersLog)
        #expect(account.lost == 0 && account.twice == 0, "\(account)\n\(server.host.errors)")
        #expect(account.dropped > 0 || !loss.losesRows, "what went with the log is counted")
        #expect(loss.losesRows || account.dropped == 0, "\(account)")
        // With every call slowed down, the time it takes is the tracer's.
        FaultFigures.record(
            looksAreSlow ? "log changed while it is looked at" : loss.fault, tries: times, lost: account.lost,
            counted: account.dropped, twice: account.twice, healed: looksAreSlow ? nil : server.healed)
    }
}

extension LoadedServer {
    func saidLines(_ word: String) -> Int { host.errorLines.filter { $0.contains(word) }.count }
}

import Foundation
import TestSupport
import Testing

/// A disk that is full, over quota, read-only (EROFS, as the kernel makes it after an error) or failing: the server never
/// notices; events wait, then are dropped and counted; within a second of the cure, events are in the log again.
///
/// `QPC_DISK_FAULTS` says how often each comes to a running server (2).
@Suite(.serialized) struct DiskTests {
    private let times = FaultFigures.count("QPC_DISK_FAULTS", usually: 2)

    /// A file system of its own, which goes with its owner.
    private final class Mount {
        let path: String
        private let place = TemporaryDirectory()

        init?(_ options: String) throws {
            path = place("mount")
            mkdir(path, 0o755)
            guard try run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path]).status == 0 else { return nil }
        }

        func remount(_ option: String) throws {
            let outcome = try run(["mount", "-o", "remount,\(option)", path])
            guard outcome.status == 0 else { throw TestFailure("remount: \(outcome.errors)") }
        }

        deinit { _ = try? run(["umount", "-l", path]) }
    }

    /// Rings small enough to overflow while the disk fails.
    private static let settings = ["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "50ms", "SYNC_INTERVAL": "100ms"]

    private func endure(
        _ fault: String, _ server: LoadedServer, breaking: () throws -> Void, meanwhile: () throws -> Void = {},
        cure: () throws -> Void
    ) throws {
        try eventually("events are in the log") { try server.isWritten(above: 200) }
        for _ in 0..<times {
            let errors = try server.look().sum("qpc_plugin_flush_errors_total")
            try breaking()
            try eventually("\(fault): a flush fails") {
                try server.look().sum("qpc_plugin_flush_errors_total") > errors + 2
            }
            let dropped = try server.look().sum("qpc_plugin_events_dropped_total")
            try eventually("\(fault): the rings overflow") {
                try server.look().sum("qpc_plugin_events_dropped_total") > dropped
            }
            try meanwhile()
            let start = Date()
            try cure()
            try server.awaitHealing(since: start, "\(fault): events are in the log again")
        }
        let said = server.host.errorLines.filter { $0.contains("events wait in memory") }
        // Once per outage and cause: a reopened connection may fail in another way.
        #expect(said.count >= times && said.count <= 3 * times, "\(server.host.errors)")
        let account = try server.end()
        #expect(account.lost == 0 && account.twice == 0, "\(account)")
        FaultFigures.record(
            fault, tries: times, lost: account.lost, counted: account.dropped, twice: account.twice, healed: server.healed)
    }

    @Test func aFullDiskLosesOnlyWhatIsCounted() throws {
        guard let mount = try Mount("size=8m") else { return skip("a full disk", because: "nothing may be mounted here") }
        let server = try LoadedServer(Self.settings, path: mount.path + "/data", seed: 1)
        let filler = mount.path + "/filler"
        try endure(
            "disk full", server,
            breaking: { _ = try shell("dd if=/dev/zero of=\(filler) bs=4k 2>/dev/null") },
            meanwhile: {
                // Refused with the reason, and not done later, when nobody expects it any more.
                let prune = try CommandLineTool(mount.path + "/data").run("prune", "--all", "--yes")
                #expect(prune.status == 1 && prune.errors.contains("make room on the disk first"), "\(prune.errors)")
            },
            cure: {
                unlink(filler)
                // The log itself may have used up the remaining space.
                try mount.remount("size=64m")
            })
    }

    @Test("A failing system call of the disk loses only what is counted", arguments: ["ENOSPC", "EIO", "EDQUOT", "EROFS"])
    func systemCalls(error: String) throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("failing system calls", because: "strace may not trace here")
        }
        let server = try LoadedServer(Self.settings, seed: 3)
        var tracer: ChildProcess?
        let place = TemporaryDirectory()
        // A file system that the kernel has made read-only also refuses to open files for writing.
        let calls = "pwrite64,fdatasync,fsync,ftruncate" + (error == "EROFS" || error == "EIO" ? ",openat" : "")
        var attached = 0
        try endure(
            "system calls fail with \(error)", server,
            breaking: {
                attached += 1
                tracer = try server.inject(into: calls, "error=\(error)", place("tracer-\(attached)"))
            },
            cure: {
                tracer?.kill(SIGINT)
                tracer?.wait()
            })
    }
}

extension LoadedServer {
    /// Makes system calls of the plugin's thread fail or wait, in strace's syntax, until the tracer ends.
    func inject(into calls: String, _ what: String, _ errorFile: String) throws -> ChildProcess {
        let tracer = try ChildProcess(
            ["strace", "-o", "/dev/null", "-e", "trace=\(calls)", "-e", "inject=\(calls):\(what)", "-p", "\(pluginThread())"],
            errorFile: errorFile)
        try eventually("the tracer is attached") {
            try String(decoding: read(errorFile), as: UTF8.self).contains("attached")
        }
        return tracer
    }

    /// The thread id of the plugin's thread.
    func pluginThread() throws -> UInt64 {
        let threads = try JSONDecoder().decode([[String: JSONValue]].self, from: Data(host.ask("threads").utf8))
        guard let own = threads.first(where: { $0["name"] == .text("qpc-metrics") })?["tid"]?.number else {
            throw TestFailure("there is no thread of the plugin's")
        }
        return own
    }
}

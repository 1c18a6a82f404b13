import Foundation
import TestSupport
import Testing

/// A server killed before each system call of its life, one life per call: from the first `mmap` of its start, through the
/// recovery of what the previous one left, to its end.
///
/// `QPC_CALL_KILLS` says how many of each call are chosen at random (2); `all` takes every one.
@Suite struct SystemCallKillTests {
    private static let calls = [
        "openat", "mmap", "munmap", "madvise", "fallocate", "ftruncate", "rename", "unlink", "pwrite64", "pread64", "write",
        "fsync", "fdatasync", "flock", "fcntl", "clone3", "futex", "close",
    ]

    @Test("A kill before a system call loses and doubles nothing", arguments: calls)
    func kills(before call: String) throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("kills at system calls", because: "strace may not trace here")
        }
        var generator = SeededGenerator.announced("kills before \(call)")
        let place = DataPlace()
        var life = CountedLife(place: place)
        // How many there are, in the thread that makes the most.
        let trace = place.temporary("trace")
        let survived = try life.live(under: ["strace", "-f", "-qq", "-e", "trace=\(call)", "-o", trace])
        #expect(survived)
        try life.prove()
        var counts: [Substring: Int] = [:]
        for line in try String(decoding: read(trace), as: UTF8.self).split(separator: "\n")
        where line.contains(" \(call)(") {
            counts[line.prefix { $0 != " " }, default: 0] += 1
        }
        let most = counts.values.max() ?? 0
        let wanted = BuiltProducts.setting("QPC_CALL_KILLS") ?? "2"
        var numbers = Array(1...max(1, most + 2))
        if wanted != "all" { numbers = Array(numbers.shuffled(using: &generator).prefix(Int(wanted) ?? 2)).sorted() }

        var kills = 0
        for number in numbers {
            let inject = [
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                "inject=\(call):signal=KILL:when=\(number)",
            ]
            do {
                if try !life.live(under: inject) { kills += 1 }
                try life.prove()
            } catch {
                throw TestFailure("\(call) number \(number): \(error)")
            }
        }
        FaultFigures.record(
            "SIGKILL before a system call", tries: kills, lost: life.lost, twice: life.twice)
        #expect(life.lost == 0 && life.twice == 0)
    }

    /// One server after another in one directory; each continues the numbering of events.
    private struct CountedLife {
        let place: DataPlace
        private var called: UInt64 = 0
        private(set) var lost: UInt64 = 0
        private(set) var twice: UInt64 = 0

        init(place: DataPlace) { self.place = place }

        /// Whether the server came to its end alive.
        mutating func live(under tracer: [String]) throws -> Bool {
            let environment = ServerHost.environment(place.path, ["FLUSH_INTERVAL": "10ms", "RING_SIZE": "64KiB"])
            let host = try ServerHost(environment: environment, under: tracer)
            do {
                try host.load()
                try host.ask("init")
                for _ in 0..<3 {
                    for _ in 0..<3 {
                        try host.ask("fetch count=\(called + 1)")
                        called += 1
                    }
                    try host.ask("shutdown")
                }
                try host.ask("fetch count=\(called + 1)")
                called += 1
                try host.ask("destroy")
                try host.exit()
                return true
            } catch {
                // The tracer ends with its child.
                host.process.wait()
                return false
            }
        }

        /// A server that is left alive recovers what is left; then every call is in the log once and in order.
        mutating func prove() throws {
            // Killed before there was anything to read: nothing had been called either.
            let next = try place.server()
            try place.tool.verify()
            let found = try place.tool.events("--kind", "fetch").compactMap { $0["count"]?.number }
            try next.shutDown()
            try place.tool.verify()
            twice += UInt64(found.count - Set(found).count)
            let missing = Set(1...max(1, called)).subtracting(found)
            if called > 0 { lost += UInt64(missing.count) }
            // One call may have been in progress.
            guard found.count <= called + 1, found == found.sorted() else {
                throw TestFailure("called \(called), found \(found)")
            }
            called = max(called, found.last ?? 0)
        }
    }
}

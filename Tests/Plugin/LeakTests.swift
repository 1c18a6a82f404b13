import Foundation
import TestSupport
import Testing

/// Whatever fails gives back everything that it took: a log that cannot be opened is retried five times per second, for as
/// long as its disk is away.
@Suite struct LeakTests {
    let place = DataPlace()

    /// What the process has allocated, by its own account.
    private struct Holdings {
        var heapBytes: Int
        var descriptors: Int

        init(_ host: ServerHost) throws {
            heapBytes = try host.heapBytes()
            descriptors = names(in: "/proc/\(host.process.pid)/fd").count
        }
    }

    /// Repeats a command until a round of it leaves nothing behind. The first rounds may leave something: the C library keeps
    /// some freed memory in caches of its own, which fill up. The smallest piece that can leak is 24 bytes.
    private func expectNothingKept(
        _ host: ServerHost, _ command: String, times: Int, answer: String, _ what: Comment
    ) throws {
        var growth: [Int] = []
        try host.ask(all: [String](repeating: command, count: times))
        for _ in 0..<10 {
            let before = try Holdings(host)
            #expect(try host.ask(all: [String](repeating: command, count: times)) == answer, what)
            let after = try Holdings(host)
            #expect(after.descriptors == before.descriptors, what)
            growth.append(after.heapBytes - before.heapBytes)
            if growth.last! < 8 * times { return }
        }
        Issue.record("\(what): \(times) times \(command) keep so many bytes, again and again: \(growth)")
    }

    // MARK: Init

    enum Refusal: String, CaseIterable, Sendable {
        case dataDirectoryThatIsAFile, logThatIsADirectory, logWithoutATable, liveFileThatIsInTheWay, eightOthers

        var times: Int {
            switch self {
            case .dataDirectoryThatIsAFile: 2000
            case .logThatIsADirectory, .logWithoutATable, .liveFileThatIsInTheWay: 200
            // Two rounds of these exceed the number of thread-specific keys in a process.
            case .eightOthers: 600
            }
        }
    }

    private func arrange(_ refusal: Refusal, _ host: ServerHost) throws {
        switch refusal {
        case .dataDirectoryThatIsAFile: try overwrite(place.path, with: [])
        case .logThatIsADirectory: try makeDirectory(place("events.db"))
        case .logWithoutATable:
            try place.server().shutDown()
            try place.log.change("DROP TABLE posting")
        case .liveFileThatIsInTheWay: try makeDirectory(place("live.qpcm.new"))
        case .eightOthers:
            for other in 1...8 {
                try host.setDirectory(place.temporary("other-\(other)"))
                #expect(try host.ask("init as=other-\(other)").hasPrefix("code=0 "))
            }
            try host.setDirectory(place.path)
        }
    }

    private func putRight(_ refusal: Refusal, _ host: ServerHost) throws {
        switch refusal {
        case .dataDirectoryThatIsAFile: unlink(place.path)
        case .logThatIsADirectory, .logWithoutATable: TemporaryDirectory.remove(place("events.db"))
        case .liveFileThatIsInTheWay: TemporaryDirectory.remove(place("live.qpcm.new"))
        case .eightOthers: try host.ask("destroy on=other-8")
        }
    }

    @Test("A refused init leaks nothing, because of a", arguments: Refusal.allCases)
    func refusedInit(_ refusal: Refusal) throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path, ["RING_SIZE": "64KiB"]))
        try host.load()
        try arrange(refusal, host)
        try expectNothingKept(
            host, "init", times: refusal.times, answer: "code=-3 untouched=true", "\(refusal): \(host.errorLines.last ?? "")")
        try putRight(refusal, host)
        #expect(try host.ask("init").hasPrefix("code=0 "), "\(host.errorLines.last ?? "")")
        try host.ask("fetch count=1")
        try host.shutDown()
        #expect(try place.tool.count() == 1)
        try place.tool.verify()
    }

    // MARK: A running server

    enum Outage: String, CaseIterable, Sendable {
        /// It cannot even be opened.
        case directoryInItsPlace
        /// It can be opened, but proves unusable when almost all of the writer has been made.
        case logWithoutATable
    }

    @Test("A running server whose log cannot be opened leaks nothing, because of a", arguments: Outage.allCases)
    func outage(_ outage: Outage) throws {
        let other = DataPlace()
        try other.server().shutDown()
        try other.log.change("DROP TABLE posting")
        let host = try place.server(["RING_SIZE": "64KiB"])
        try host.ask("fetch count=1")
        try host.ask("shutdown")

        try move(place("events.db"), place.temporary("own"))
        switch outage {
        case .directoryInItsPlace: try makeDirectory(place("events.db"))
        case .logWithoutATable: try move(other("events.db"), place("events.db"))
        }
        try host.ask("fetch count=2")
        // Each shutdown tries at once, and does not wait for the plugin's own next try.
        let times = 300
        let tries = try failures()
        try expectNothingKept(host, "shutdown", times: times, answer: "", "\(outage)")
        #expect(try failures() >= tries + UInt64(times), "each tried to open the log")

        TemporaryDirectory.remove(place("events.db"))
        try move(place.temporary("own"), place("events.db"))
        try host.shutDown()
        #expect(try place.tool.events().map { $0["count"] } == [.number(1), .number(2)])
        try place.tool.verify()
    }

    private func failures() throws -> UInt64 { try place.tool.exposition().sum("qpc_plugin_flush_errors_total") }

    private func move(_ from: String, _ to: String) throws {
        guard rename(from, to) == 0 else { throw TestFailure.system("rename \(from)", errno) }
    }

    /// Creates it, and the data directory if that is missing.
    private func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    }
}

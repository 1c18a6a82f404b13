import Foundation
import TestSupport
import Testing

/// The library as a guest in another program's process.
@Suite struct LibraryTests {
    let place = DataPlace()

    @Test func itExportsOneSymbol() throws {
        let symbols = try run(["objdump", "-T", BuiltProducts.plugin])
        #expect(symbols.status == 0)
        let exported = symbols.lines.filter { line in
            line.contains(" g ") || line.contains(" w ") || line.contains(" u ") ? !line.contains("*UND*") : false
        }
        #expect(exported.count == 1 && exported[0].hasSuffix(" qpc_plugin_init"), "\(exported)")
    }

    @Test func itNeedsNothingBeyondTheSystem() throws {
        let needed = try run(["ldd", BuiltProducts.plugin])
        #expect(needed.status == 0)
        let known = [
            "linux-vdso.so", "ld-linux", "libc.so", "libm.so", "libdl.so", "libpthread.so", "libgcc_s.so",
            "libstdc++.so", "libsqlite3.so",
        ]
        for line in needed.lines {
            let name = line.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
            let file = name.split(separator: "/").last.map(String.init) ?? ""
            #expect(known.contains { file.hasPrefix($0) }, "\(line)")
            #expect(!line.contains("not found"), "\(line)")
        }
    }

    @Test func itStaysMapped() throws {
        let flags = try run(["objdump", "-p", BuiltProducts.plugin])
        #expect(flags.lines.contains { $0.contains("FLAGS_1") })
        let host = try place.server()
        try host.ask("destroy")
        #expect(try host.ask("close") == "mapped=true")
        try host.exit()
    }

    @Test func aHostsOwnSQLiteDoesNotDisturbIt() throws {
        let host = try run(
            [BuiltProducts.hosts + "/sqlite-squatter", BuiltProducts.plugin],
            environment: ServerHost.environment(place.path))
        #expect(host.status == 0 && host.lines.last == "squatter_calls=0 hooks=200", "\(host.text)\(host.errors)")
        #expect(try place.tool.rows() == [0, 0, 100, 0, 100, 0])
        try place.tool.verify()
    }

    @Test func signalsAreTheHostsOwnFromLoadToDestroy() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        let before = try signals(host)
        var after: [SignalState] = []
        try host.load()
        after.append(try signals(host))
        #expect(try host.ask("init").hasPrefix("code=0 "))
        after.append(try signals(host))
        _ = try host.tally("drive threads=2 calls=1000 seed=1")
        after.append(try signals(host))
        try host.ask("shutdown")
        after.append(try signals(host))
        try host.ask("destroy")
        after.append(try signals(host))
        try host.ask("close")
        after.append(try signals(host))
        #expect(before.dispositions.count == 62)
        #expect(after.allSatisfy { $0 == before })
        try host.exit()
    }

    private struct SignalState: Decodable, Equatable {
        var mask: String
        var altstack: [String: JSONValue]
        var dispositions: [[String: JSONValue]]
    }

    /// Without the two signals that the C library keeps for itself: it sets them up with a process's first thread.
    private func signals(_ host: ServerHost) throws -> SignalState {
        var state = try JSONDecoder().decode(SignalState.self, from: Data(host.ask("signals").utf8))
        state.dispositions.removeAll { [.number(32), .number(33)].contains($0["signal"]) }
        return state
    }

    private struct HostThread: Decodable {
        var tid: Int
        var name: String
        var sigblk: String
    }

    /// All but KILL and STOP, which cannot be blocked, and the C library's own two.
    private static let allBlocked = "fffffffe7ffbfeff"

    /// A sanitizer starts a thread of its own along with the first one.
    private func threads(_ host: ServerHost) throws -> [HostThread] {
        let all = try JSONDecoder().decode([HostThread].self, from: Data(host.ask("threads").utf8))
        return BuiltProducts.areSanitized ? all.filter { $0.name == "qpc-metrics" } : all
    }

    @Test func itsOneThreadIsNamedAndBlocksAllSignals() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        let before = try threads(host).map(\.tid)
        #expect(try host.ask("init").hasPrefix("code=0 "))
        // A thread that has not run yet has the C library's mask.
        var added: [HostThread] = []
        try eventually("the thread has begun") {
            added = try threads(host).filter { !before.contains($0.tid) }
            return added.map(\.sigblk) == [Self.allBlocked] && added[0].name == "qpc-metrics"
        }
        #expect(added.map(\.name) == ["qpc-metrics"])
        try host.ask("destroy")
        #expect(try threads(host).map(\.tid) == before)
        try host.exit()
    }

    @Test func itLeavesNothingBehindAfterManyLives() throws {
        let host = try place.server()
        let descriptors = "/proc/\(host.process.pid)/fd"
        func again() throws {
            try host.ask("destroy")
            #expect(try host.ask("init").hasPrefix("code=0 "))
            try host.ask("fetch count=1")
            try host.ask("shutdown")
        }
        for _ in 0..<3 { try again() }
        let files = names(in: descriptors).count
        let maps = try read("/proc/\(host.process.pid)/maps").filter { $0 == 0x0A }.count
        for _ in 0..<20 { try again() }
        #expect(names(in: descriptors).count == files)
        #expect(try read("/proc/\(host.process.pid)/maps").filter { $0 == 0x0A }.count <= maps + 4)
        try host.shutDown()
    }
}

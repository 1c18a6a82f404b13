import Foundation
import TestSupport
import Testing

/// What the memory of an idle server holds of the people whose events it recorded: nothing but pseudonyms.
@Suite struct ProcessMemoryTests {
    let place = DataPlace()

    /// As the host makes them from the seed.
    private struct People {
        var names: Set<[UInt8]> = []
        var keys: Set<[UInt8]> = []

        init(_ count: Int, seed: UInt64) {
            var state = seed
            func next() -> UInt64 {
                state &+= 0x9E37_79B9_7F4A_7C15
                var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
                word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
                return word ^ (word >> 31)
            }
            for _ in 0..<count {
                let name = (0..<3).flatMap { _ in
                    let bits = next()
                    return (0..<8).map { UInt8(0x61 + (bits >> (8 * $0)) & 15) }
                }
                let key = (0..<4).flatMap { _ in withUnsafeBytes(of: next().littleEndian, Array.init) }
                names.insert(name)
                keys.insert(key)
            }
        }
    }

    private static let people = 1000

    private func host(_ settings: [String: String], seed: UInt64) throws -> ChildProcess {
        var variables = ServerHost.environment(place.path, settings)
        variables["QPC_METRICS_PLUGIN_LOG_LEVEL"] = "warning"
        return try ChildProcess(
            [BuiltProducts.host("forgetful-host"), BuiltProducts.plugin, "\(Self.people)", "\(seed)"], environment: variables,
            errorFile: place.temporary("errors"))
    }

    private func ask(_ host: ChildProcess, _ line: String) throws {
        try host.send(line + "\n")
        #expect(try host.line(within: 60) == "done")
    }

    @Test("The memory of an idle server has no name and no key", arguments: ["pseudonym", "none"])
    func idle(identities: String) throws {
        let seed = UInt64.random(in: 1...UInt64(UInt32.max))
        print("idle memory: QPC_SEED=\(seed)")
        let people = People(Self.people, seed: seed)
        let host = try host(["IDENTITIES": identities, "FLUSH_INTERVAL": "10ms"], seed: seed)
        #expect(try host.line(within: 60) == "idle")
        try eventually("all is in the log") { try place.tool.count() == 7 * UInt64(Self.people) }
        try ask(host, "shutdown")
        let memory = try ProcessMemory(host.pid)
        for (what, secrets, length) in [("names", people.names, 24), ("keys", people.keys, 32)] {
            let places = memory.places(of: secrets, length: length)
            #expect(places.isEmpty, "\(what): \(places)")
        }
        try ask(host, "destroy")
        try host.send("end\n")
        #expect(host.wait() == 0)
    }

    /// The search finds what is there.
    @Test func whatWaitsInARingIsFound() throws {
        let people = People(Self.people, seed: 7)
        let host = try host(["FLUSH_INTERVAL": "1h"], seed: 7)
        #expect(try host.line(within: 60) == "idle")
        let places = try ProcessMemory(host.pid).places(of: people.names, length: 24)
        #expect(places.values.reduce(0, +) >= Self.people && places.keys.contains { $0.hasSuffix("live.qpcm") }, "\(places)")
        host.kill()
    }
}

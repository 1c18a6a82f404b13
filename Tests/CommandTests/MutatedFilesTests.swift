import Foundation
import TestSupport
import Testing

/// No bytes in a directory make a command or a server die of a signal, hang, or stay out; and what `verify` calls sound is what
/// it was.
///
/// `QPC_MUTATIONS` says how many files of each kind are tried (40).
@Suite struct MutatedFilesTests {
    private static let commands = [
        ["status"], ["status", "-o", "json"], ["top", "--once"], ["prometheus"], ["verify"], ["stats"], ["events", "-n", "50"],
        ["events", "--since", "-300d", "-c"], ["privacy-report"],
    ]

    private static func mutated(_ bytes: [UInt8], hot: Range<Int>, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0..<3, using: &generator) {
            let range = Bool.random(using: &generator) ? hot : 0..<bytes.count - 8
            let at = Int.random(in: range, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[at] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &generator)!
            default:
                let word = [UInt64.max, UInt64.max >> 1, 1 << 63, 0, generator.next()].randomElement(using: &generator)!
                withUnsafeBytes(of: word) { bytes.replaceSubrange(at & ~7..<(at & ~7) + 8, with: $0) }
            }
        }
        return bytes
    }

    private let place = DataPlace()

    /// The files of a server that shut down, ran again, and was killed with events pending.
    private func makeFiles() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=2 calls=200 seed=3 pause_us=1")
        try host.ask("shutdown")
        _ = try host.tally("drive threads=2 calls=40 seed=4 pause_us=1")
        host.kill()
    }

    /// Tries a file in as many mutations as there are to be.
    private func mutate(_ file: String, _ body: (_ what: String) throws -> Void) throws {
        let whole = try read(place(file))
        var generator = SeededGenerator.announced("mutated \(file)")
        // The parts that decide most: headers, schema and counters. The rest is records and rows.
        let hot = 0..<min(16_384, whole.count - 8)
        for number in 1...FaultFigures.count("QPC_MUTATIONS", usually: 40) {
            let bytes = Self.mutated(whole, hot: hot, &generator)
            try overwrite(place(file), with: bytes)
            let differences = zip(whole, bytes).enumerated().filter { $1.0 != $1.1 }.map { "\($0): \($1.0) to \($1.1)" }
            try body("mutation \(number) of \(file) (\(differences.joined(separator: ", ")))")
        }
    }

    @Test("A dead server's files", arguments: ["live.qpcm", "events.db"])
    func mutations(of file: String) throws {
        try makeFiles()
        if file == "events.db" { try place.tool.succeed("recover") }
        try mutate(file) { what in
            for command in Self.commands {
                let outcome = try place.tool.run(command)
                #expect(
                    [0, 1, 65, 66, 77].contains(outcome.status),
                    "\(what), \(command): status \(outcome.status), \(outcome.errors)")
            }
        }
    }

    /// What the log answers, if it answers.
    private func answers() throws -> [[UInt8]] {
        try [["events", "-o", "csv"], ["count", "--by", "kind", "-o", "csv"], ["count", "--by", "user", "-o", "csv"]]
            .map { try place.tool.run($0).output }
    }

    @Test func aLogThatVerifyCallsSoundAnswersAsBefore() throws {
        try makeFiles()
        try place.tool.succeed("recover")
        let truth = try answers()
        #expect(truth.allSatisfy { $0.count > 100 })
        var sound = 0
        try mutate("events.db") { what in
            guard try place.tool.run("verify").status == 0 else { return }
            sound += 1
            for (before, now) in try zip(truth, answers()) {
                #expect(before == now, "\(what): \(String(decoding: now.prefix(2000), as: UTF8.self))")
            }
        }
        print("verify called \(sound) of the mutated logs sound")
    }

    @Test("A server starts on its files, whatever is in them", arguments: ["live.qpcm", "events.db", "identity.key"])
    func starts(on file: String) throws {
        try makeFiles()
        let copy = place.temporary("copy")
        #expect(try shell("cp -a \(place.path) \(copy)").status == 0)
        try mutate(file) { what in
            let mutated = try read(place(file))
            #expect(try shell("rm -rf \(place.path) && cp -a \(copy) \(place.path)").status == 0)
            try overwrite(place(file), with: mutated)
            let host = try ServerHost(environment: ServerHost.environment(place.path))
            try host.load()
            #expect(try host.ask("init").hasPrefix("code=0 "), "\(what): \(host.errors)")
            _ = try host.tally("drive threads=1 calls=20 seed=5 pause_us=1")
            try host.shutDown()
            let verified = try place.tool.run("verify")
            #expect([0, 1].contains(verified.status), "\(what): \(verified.text)\(verified.errors)\(host.errors)")
        }
    }
}

import Foundation
import TestSupport
import Testing

/// No bytes in a directory make a command die of a signal or hang: it answers, or says what is wrong.
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

    @Test("A dead server's files", arguments: ["live.qpcm", "events.db"])
    func mutations(of file: String) throws {
        let place = DataPlace()
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=2 calls=200 seed=3 pause_us=1")
        try host.ask("shutdown")
        _ = try host.tally("drive threads=2 calls=40 seed=4 pause_us=1")
        host.kill()
        if file == "events.db" { try place.tool.succeed("recover") }
        let whole = try read(place(file))
        var generator = SeededGenerator.announced("mutated \(file)")
        // The parts that decide most: headers, schema and counters. The rest is records and rows.
        let hot = 0..<min(16_384, whole.count - 8)
        for number in 1...FaultFigures.count("QPC_MUTATIONS", usually: 40) {
            let bytes = Self.mutated(whole, hot: hot, &generator)
            try overwrite(place(file), with: bytes)
            for command in Self.commands {
                let outcome = try place.tool.run(command)
                #expect(
                    [0, 1, 65, 66, 77].contains(outcome.status),
                    "mutation \(number) of \(file), \(command): status \(outcome.status), \(outcome.errors)")
            }
        }
    }
}

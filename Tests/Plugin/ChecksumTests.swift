import Foundation
import TestSupport
import Testing

/// A number that changes at rest is noticed: SQLite's own check looks at pages and indexes, not at what they say.
@Suite struct ChecksumTests {
    let place = DataPlace()

    private func drive(_ calls: Int, seed: Int) throws -> String {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=\(calls) seed=\(seed) mix=message,auth,fetch,register,channel")
        try host.shutDown()
        return host.errors
    }

    private func verifyFails(_ words: String) throws {
        let outcome = try place.tool.run("verify")
        #expect(outcome.status == 1 && outcome.text.contains(words), "\(outcome.text)")
    }

    @Test("A changed, missing or added row is noticed in an indexed and in the newest segment", arguments: [false, true])
    func rows(isIndexed: Bool) throws {
        _ = try drive(isIndexed ? 40_000 : 200, seed: 1)
        try place.tool.verify()
        let changes = [
            "UPDATE fetch SET time = time + 1 WHERE id = (SELECT max(id) FROM fetch WHERE id < 60000)",
            "UPDATE auth SET reason = NULL WHERE id = (SELECT min(id) FROM auth WHERE reason IS NOT NULL)",
            "UPDATE message SET seq = seq + 1 WHERE id = (SELECT min(id) FROM message)",
        ]
        let whole = try read(place("events.db"))
        for change in changes {
            try place.log.change(change)
            try verifyFails("differ from their checksum")
            // Checksums over the changed rows would not prove the rows that were written.
            try place.tool.succeed("rebuild")
            try verifyFails("differ from their checksum")
            try overwrite(place("events.db"), with: whole)
            for end in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place("events.db" + end)) }
            try place.tool.verify()
        }
        // It stays correct across a restart in the middle of a segment.
        _ = try drive(100, seed: 2)
        try place.tool.verify()
    }

    @Test("Changed counters in the log are noticed, and remembered")
    func account() throws {
        _ = try drive(200, seed: 3)
        let whole = try read(place("events.db"))
        for change in [
            "UPDATE counter SET direct = direct + 1 WHERE name LIKE 'flush_duration%sum'",
            "UPDATE counter SET ringed = ringed + 4 WHERE name LIKE 'payload_bytes.single%sum'",
            "UPDATE ring SET position = position + 64", "UPDATE epoch SET first_id = first_id + 1",
            "UPDATE state SET value = value + 1 WHERE key = 'last_id'",
        ] {
            try place.log.change(change)
            try verifyFails("do not match their checksum")
            try overwrite(place("events.db"), with: whole)
            for end in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place("events.db" + end)) }
        }
        try place.tool.verify()
        try place.log.change("UPDATE counter SET direct = direct + 1 WHERE name LIKE 'flush_duration%sum'")
        #expect(try drive(10, seed: 4).contains("do not match their checksum"))
        try verifyFails("did not match their checksum when a server started")
    }

    @Test("Changed counters in the live file of a server that was shut down are noticed, and not gone on with")
    func liveCounters() throws {
        _ = try drive(200, seed: 5)
        let before = try place.tool.exposition().value("qpc_hook_calls_total{hook=\"fetch\"}")
        let path = place("live.qpcm")
        var bytes = try read(path)
        // The drain's direct counters: a duration's sum.
        bytes[8192 + 2048 + 229 * 8] ^= 1
        try overwrite(path, with: bytes)
        try verifyFails("the counters in \(path) do not match their checksum")
        let status = try place.tool.run("status")
        #expect(status.status == 1 && status.text.contains("do not match their checksum"), "\(status.text)")
        #expect(try place.tool.run("prometheus").errors.contains("do not match their checksum"))
        let errors = try drive(10, seed: 6)
        #expect(errors.contains("the counters continue from the log"), "\(errors)")
        #expect(names(in: place.path).contains { $0.hasPrefix("live.qpcm.damaged-") })
        #expect(try place.tool.exposition().value("qpc_hook_calls_total{hook=\"fetch\"}") >= before)
        try place.tool.verify()
    }

    @Test("A killed server's counters are held against the log and the rings")
    func killedCounters() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=1 calls=200 seed=7 mix=message,auth,fetch,register")
        host.kill()
        try place.tool.verify()
        let path = place("live.qpcm")
        var bytes = try read(path)
        // Slot 0's ringed counters: the bytes of single messages.
        bytes[16_384 + 4096 + 25 * 8 + 3] ^= 0x40
        try overwrite(path, with: bytes)
        try verifyFails("payload_bytes.single.sum does not fit the log and the rings")
    }
}

import Foundation
import TestSupport
import Testing

/// A loss is reported and remembered: on standard error, in `status`, as a metric, and with each answer that lacks events.
@Suite struct DropTests {
    let place = DataPlace()

    /// A ring that is too small, and a drain that comes too late.
    private static let small = ["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5s"]

    private func dropped() throws -> UInt64 { try place.tool.exposition().sum("qpc_plugin_events_dropped_total") }

    private func lastDrop() throws -> Double {
        try #require(Double(try place.tool.exposition().samples["qpc_plugin_last_drop_timestamp_seconds"] ?? ""))
    }

    /// The log's drops by minute, added up.
    private func inMinutes() throws -> UInt64 {
        UInt64(try place.log.query("SELECT coalesce(sum(events), 0) FROM drop_minute")[0][0]) ?? .max
    }

    /// - Parameter words: words that the problem must contain.
    private func expectStatus(_ words: [String]) throws {
        let status = try place.tool.run("status")
        #expect(status.status == 1)
        for word in words { #expect(status.text.contains(word), "\(word): \(status.text)") }
        let json = try NDJSON.decode(place.tool.run("status", "-o", "json").output)
        #expect(json.first?["last_drop"]?.text != nil)
        #expect(json.first?["ok"]?.flag == false)
    }

    @Test func aLossIsReportedWhenItBeginsAndWhenItIsOver() throws {
        let before = Date().timeIntervalSince1970
        let host = try place.server(Self.small)
        _ = try host.tally("drive threads=1 calls=60000 seed=1")
        try eventually("its begin is reported") {
            host.errors.contains(
                "warning: events are being dropped: a thread's ring is full (ring_full): raise QPC_METRICS_PLUGIN_RING_SIZE")
        }
        let last = try lastDrop()
        #expect((before - 1...before + 600).contains(last), "\(last)")
        try expectStatus(["dropped within the last hour", "ring_full", "raise QPC_METRICS_PLUGIN_RING_SIZE", "last drop"])
        try host.shutDown()
        let count = grouped(try dropped())
        let ends = host.errorLines.filter { $0.contains("\(count) events were dropped ") && $0.contains(" UTC (") }
        #expect(ends.count == 1, "\(count): \(host.errors)")
        #expect(ends.first?.contains("they are counted but not in the log") == true)
        #expect(try inMinutes() == (try dropped()))

        for command in [["events", "-c"], ["events", "--since", "-1h", "-o", "csv"], ["stats"], ["stats", "-o", "json"]] {
            let outcome = try place.tool.run(command)
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("note: \(count) events in this window were dropped"), "\(command): \(outcome.errors)")
        }
        for command in [["events", "-c", "--until", "-2h"], ["stats", "--since", "-3h", "--until", "-2h"]] {
            #expect(try !place.tool.run(command).errors.contains("dropped"), "\(command)")
        }
    }

    @Test func aLossOutlivesTheServer() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        _ = try host.tally("drive threads=1 calls=60000 seed=2")
        host.kill()
        let lost = try dropped()
        #expect(lost > 0)
        try place.tool.succeed("recover")
        #expect(try dropped() == lost)
        #expect(try inMinutes() == lost)
        try expectStatus(["dropped within the last hour", "\(grouped(lost)) ring_full"])
        let next = try place.server()
        try expectStatus(["dropped within the last hour"])
        #expect(try lastDrop() > 0)
        #expect(!next.errors.contains("are being dropped"), "\(next.errors)")
        try next.shutDown()
        #expect(try inMinutes() == lost)
        try place.tool.verify()
    }

    @Test func whatWentWithALogIsALossToo() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=1 calls=500 seed=3")
        try host.shutDown()
        #expect(try place.tool.run("status").text.contains("last drop") == false)
        unlink(place("events.db"))
        let next = try place.server()
        try next.shutDown()
        let lost = try dropped()
        #expect(lost > 0)
        #expect(try inMinutes() == lost)
        try expectStatus(["log_error"])
    }

    private func grouped(_ value: UInt64) -> String {
        var text = ""
        for (index, digit) in String(value).reversed().enumerated() {
            text = (index % 3 == 0 && index > 0 ? "\(digit)," : "\(digit)") + text
        }
        return text
    }
}

import TestSupport
import Testing

/// The exposition's totals are exactly the host's own sums.
@Suite struct CounterTests {
    let place = DataPlace()

    @Test func totalsAreTheHostsOwnSums() throws {
        let host = try place.server()
        let tally = try host.tally("drive threads=4 calls=6000 seed=20")
        try expect(tally, in: place.tool.exposition())
        #expect(try place.tool.exposition().value("qpc_up") == 1)
        try host.ask("shutdown")
        try expect(tally, in: place.tool.exposition(), isDrained: true)
        try place.tool.verify()
        try host.ask("destroy")
        try host.exit()
        try expect(tally, in: place.tool.exposition(), isDrained: true)
        #expect(try place.tool.exposition().value("qpc_up") == 0)
        let ledger = try place.tool.verify()
        #expect(ledger.lines.map(\.inLog) == tally.events)
        #expect(try place.tool.rows() == tally.events)
    }

    private func expect(_ tally: Tally, in metrics: Exposition, isDrained: Bool = false) throws {
        for (index, kind) in eventKinds.enumerated() {
            #expect(try metrics.value("qpc_hook_calls_total{hook=\"\(kind)\"}") == tally.calls[index])
            #expect(try metrics.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == tally.events[index])
            #expect(metrics.sum("qpc_plugin_events_dropped_total", "kind=\"\(kind)\"") == 0)
            #expect(metrics.sum("qpc_plugin_events_removed_total", "kind=\"\(kind)\"") == 0)
            if isDrained {
                #expect(try metrics.value("qpc_plugin_events_written_total{kind=\"\(kind)\"}") == tally.events[index])
            }
        }
        if isDrained { #expect(try metrics.value("qpc_plugin_pending_events") == 0) }
        for (index, path) in ["single", "batch"].enumerated() {
            let label = "{path=\"\(path)\"}"
            let prefix = index == 0 ? "message" : "batch"
            #expect(try metrics.value("qpc_messages_total" + label) == tally.events[index])
            #expect(try metrics.value("qpc_sealed_messages_total" + label) == tally["\(prefix)_sealed"])
            #expect(try metrics.value("qpc_message_payload_bytes_sum" + label) == tally["\(prefix)_bytes"])
            #expect(try metrics.value("qpc_message_payload_bytes_count" + label) == tally.events[index])
        }
        #expect(try metrics.value("qpc_batch_messages_sum") == tally.events[1])
        #expect(try metrics.value("qpc_batch_messages_count") == tally.calls[1])
        #expect(try metrics.value("qpc_auth_attempts_total") == tally.events[2])
        #expect(metrics.sum("qpc_auth_failures_total") == tally["failed"])
        #expect(try metrics.value("qpc_channel_requests_total") == tally["created"])
        #expect(try metrics.value("qpc_channels_created_total") == tally["new"])
        #expect(try metrics.value("qpc_fetches_total") == tally.events[4])
        #expect(try metrics.value("qpc_empty_fetches_total") == tally["empty_fetches"])
        #expect(try metrics.value("qpc_fetch_messages_sum") == tally["fetched"])
        #expect(try metrics.value("qpc_fetch_messages_count") == tally.events[4])
        #expect(try metrics.value("qpc_users_registered_total") == tally.events[5])
    }

    @Test func countersCarryOnAndIdsGoOnRisingAcrossRestarts() throws {
        var total = [UInt64](repeating: 0, count: 6)
        var before = try Exposition("")
        var lastID: UInt64 = 0
        for round in 0..<4 {
            let host = try place.server()
            let started = try place.tool.exposition()
            #expect(started.lower(than: before).isEmpty)
            let tally = try host.tally("drive threads=3 calls=800 seed=\(round)")
            for index in total.indices { total[index] += tally.events[index] }
            // Every way in which a server can end.
            switch round {
            case 0: try host.shutDown()
            case 1:
                try host.ask("shutdown")
                try host.exit()
            case 2: try host.exit()
            default: host.kill()
            }
            before = try place.tool.exposition()
            #expect(before.lower(than: started).isEmpty)
            for (index, kind) in eventKinds.enumerated() {
                #expect(try before.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == total[index])
            }
        }
        let host = try place.server()
        #expect(try place.tool.rows() == total)
        let ids = try place.tool.events().map(\.id)
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
        lastID = ids.last ?? 0
        try host.ask("fetch count=1")
        try host.shutDown()
        #expect(try place.tool.events("--after", "\(lastID)").count == 1)
        try place.tool.verify()
    }

    private static let fetchBuckets: [(String, Int)] = [
        ("0", 1), ("1", 2), ("2", 3), ("5", 5), ("10", 7), ("20", 8), ("500", 8), ("1000", 9), ("+Inf", 10),
    ]

    @Test func aValueOnABucketsBoundBelongsToIt() throws {
        let host = try place.server()
        let bounds: [UInt64] = [64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216]
        for bound in bounds {
            for bytes in [bound - 1, bound, bound + 1] { try host.ask("message bytes=\(bytes) seq=1") }
        }
        for count in [0, 1, 2, 3, 5, 6, 10, 11, 1000, 1001] { try host.ask("fetch count=\(count)") }
        try host.shutDown()
        let metrics = try place.tool.exposition()
        let buckets = metrics.samples.filter { $0.key.hasPrefix("qpc_message_payload_bytes_bucket{path=\"single\"") }
        #expect(buckets.count == bounds.count + 1)
        // Each bound adds two, and the third value goes to the next bucket: 2, 5, 8 ... and the total.
        let counts: [UInt64] = buckets.values.compactMap { UInt64($0) }.sorted()
        #expect(counts == [2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 30])
        for (bound, expected) in Self.fetchBuckets {
            #expect(try metrics.value("qpc_fetch_messages_bucket{le=\"\(bound)\"}") == UInt64(expected), "\(bound)")
        }
    }

    @Test(
        "A failure is counted under the class that its words tell",
        arguments: [
            ("invalid credentials", "credentials"), ("wrong password", "credentials"),
            ("user zed not found", "unknown_user"), ("unknown user", "unknown_user"),
            ("rate limit exceeded", "rate_limited"), ("too many attempts", "rate_limited"),
            ("account is locked", "locked"), ("session expired", "expired"),
            ("OPAQUE protocol error", "protocol"), ("malformed message", "protocol"),
            ("storage is on fire", "other"), ("", "other"),
        ])
    func failureClass(reason: String, label: String) throws {
        let host = try place.server()
        let word = reason.isEmpty ? "-" : "text:" + ServerHost.encoded(reason)
        try host.ask("auth user=text:zed ok=0 reason=\(word)")
        try host.ask("auth user=text:zed ok=1 reason=\(word)")
        try host.shutDown()
        let metrics = try place.tool.exposition()
        #expect(try metrics.value("qpc_auth_failures_total{reason=\"\(label)\"}") == 1)
        #expect(metrics.sum("qpc_auth_failures_total") == 1)
        #expect(metrics.samples.keys.filter { $0.hasPrefix("qpc_auth_failures_total") }.count == 7)
    }

    @Test func activeUsersAreDistinctIdentities() throws {
        let host = try place.server()
        for number in 0..<300 { try host.ask("fetch recipient=\(hex([UInt8(number % 100), 7])) count=1") }
        try host.shutDown()
        let metrics = try place.tool.exposition()
        for window in ["1d", "7d", "30d"] {
            #expect((98...102).contains(try metrics.value("qpc_active_users{window=\"\(window)\"}")))
        }
    }

    @Test func nothingOfAPersonIsEverInTheExposition() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        try host.ask("auth user=text:mallory ok=0 reason=text:no%20mallory%20here")
        try host.ask("register user=text:mallory identity=feedfacecafe")
        try host.shutDown()
        for format in ["text", "openmetrics"] {
            let text = try place.tool.succeed("prometheus", "--format", format).text
            #expect(!text.contains("mallory") && !text.contains("feedface"))
        }
    }
}

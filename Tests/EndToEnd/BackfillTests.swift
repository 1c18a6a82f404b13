import Foundation
import TestSupport
import Testing

/// `backfill` gives a real Prometheus the history that it never scraped.
@Suite struct BackfillTests {
    let place = DataPlace()

    /// A server's events, spread over the last three hours.
    private func makePast() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=6000 seed=7")
        for reason in ["credentials", "rate limited", "expired"] {
            try host.ask("auth user=text:alice ok=0 reason=text:\(reason.replacing(" ", with: "_"))")
        }
        try host.shutDown()
        for table in ["message", "batch_message", "auth", "channel_created", "fetch", "user_registered"] {
            // A batch stays together.
            let id = table == "batch_message" ? "batch" : "id"
            let earlier = "(1 + \(id) * 7919 % 179) * 60000000 + \(id) * 7 % 60 * 1000000"
            try place.log.change("UPDATE \(table) SET time = time - (\(earlier))")
        }
    }

    private func count(_ sql: String) throws -> Double? { try place.log.query(sql).first?.first.flatMap { Double($0) } }

    @Test func prometheusServesTheLogsPastAndRatesAreRightAcrossTheSeam() throws {
        guard try Daemon.isInstalled("prometheus", for: "backfill"), try Daemon.isInstalled("promtool", for: "backfill") else {
            return
        }
        try makePast()
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let prometheus = try PrometheusServer([.init(address: serve.addresses()[0])])
        try prometheus.awaits("the first scrape") { try prometheus.value("qpc_up") == 1 }
        _ = try host.tally("drive threads=2 calls=500 seed=8")

        let file = place.temporary("past.om")
        let blocks = place.temporary("blocks")
        let said = try place.tool.run("backfill", "--prometheus", prometheus.url, "--output", file).errors
        #expect(said.contains("Prometheus' own samples begin at"), "\(said)")
        let text = String(decoding: try read(file), as: UTF8.self)
        #expect(text.hasSuffix("# EOF\n"))
        let made = try shell("promtool tsdb create-blocks-from openmetrics --max-block-duration=168h \(file) \(blocks)")
        #expect(made.status == 0, "\(made.errors)")
        for block in try FileManager.default.contentsOfDirectory(atPath: blocks) {
            try FileManager.default.moveItem(atPath: blocks + "/" + block, toPath: prometheus.data + "/" + block)
        }
        // All minutes in the file, including the first and the last.
        let heads = text.split(separator: "\n").filter { $0.hasPrefix("qpc_auth_attempts_total{") }
        let minutes = heads.compactMap { $0.split(separator: " ").last.flatMap { Int64($0) } }
        let last = try #require(minutes.last)
        #expect(minutes.count > 160 && zip(minutes, minutes.dropFirst()).allSatisfy { $1 - $0 == 60 })
        try prometheus.awaits("the blocks") { try prometheus.value("qpc_auth_attempts_total @ \(last)") != nil }

        // Exact at each minute that is queried. No event has left the log, so the counters began with it.
        let questions = [
            (#"qpc_hook_calls_total{hook="batch_enqueue"}"#, "SELECT count(*) FROM batch_message WHERE id = batch AND"),
            (#"qpc_messages_total{path="single"}"#, "SELECT count(*) FROM message WHERE"),
            (#"qpc_sealed_messages_total{path="batch"}"#, "SELECT count(*) FROM batch_message WHERE sender IS NULL AND"),
            (#"qpc_message_payload_bytes_sum{path="single"}"#, "SELECT coalesce(sum(bytes), 0) FROM message WHERE"),
            (
                #"qpc_message_payload_bytes_bucket{path="single",le="1024.0"}"#,
                "SELECT count(*) FROM message WHERE bytes BETWEEN 0 AND 1024 AND"
            ),
            ("qpc_batch_messages_count", "SELECT count(*) FROM batch_message WHERE id = batch AND"),
            ("qpc_auth_attempts_total", "SELECT count(*) FROM auth WHERE"),
            ("sum(qpc_auth_failures_total)", "SELECT count(*) FROM auth WHERE ok = 0 AND"),
            ("qpc_channels_created_total", "SELECT count(*) FROM channel_created WHERE new = 1 AND"),
            ("qpc_empty_fetches_total", "SELECT count(*) FROM fetch WHERE count = 0 AND"),
            (#"qpc_fetch_messages_bucket{le="5.0"}"#, "SELECT count(*) FROM fetch WHERE count BETWEEN 0 AND 5 AND"),
            ("qpc_users_registered_total", "SELECT count(*) FROM user_registered WHERE"),
        ]
        for minute in [minutes[0], minutes[40], minutes[90], minutes[150], last] {
            for (expression, sql) in questions {
                let isSum = expression.hasPrefix("sum")
                let at = isSum ? expression.replacing(")", with: " @ \(minute))") : "\(expression) @ \(minute)"
                let expected = try count("\(sql) time <= \(minute)000000")
                #expect(try prometheus.value(at) == expected, "\(at)")
            }
        }
        // Across the seam there is one series, which never goes down and grows by everything that happened.
        for name in try prometheus.labelValues("__name__") {
            guard ["_total", "_bucket", "_sum", "_count"].contains(where: { name.hasSuffix($0) }) else { continue }
            #expect(try prometheus.query("resets(\(name){job=\"qpc-metrics\"}[4h]) > 0").isEmpty, "\(name)")
        }
        #expect(try prometheus.query("count_over_time(qpc_hook_calls_total[4h])").count == 6)
        let grown = try #require(
            try prometheus.value("qpc_auth_attempts_total - (qpc_auth_attempts_total @ \(minutes[0]))"))
        #expect(try count("SELECT count(*) FROM auth WHERE time > \(minutes[0])000000") == grown)
        // Once this is done, nothing is left to fill in.
        let again = try place.tool.run("backfill", "--prometheus", prometheus.url)
        #expect(again.text == "# EOF\n" && again.errors.contains("nothing to fill in"))
        try host.shutDown()
    }

    /// Bounds as a Prometheus that scrapes the text format knows them; and a history written in parts equals one written at once.
    @Test func boundsAreThoseOfTheFormatAndPartsJoin() throws {
        try makePast()
        func samples(_ words: String...) throws -> [String] {
            try place.tool.succeed(["backfill", "--label", "job=x"] + words).lines.filter { !$0.hasPrefix("#") }
        }
        let all = try samples("--bounds", "text")
        #expect(all.contains { $0.contains(#"le="64"}"#) } && !all.contains { $0.contains(#"le="64.0"}"#) })
        #expect(all.allSatisfy { $0.contains(#"{job="x""#) })
        let parts = try samples("--bounds", "text", "--until", "-90m") + samples("--bounds", "text", "--since", "-90m")
        #expect(parts.sorted() == all.sorted())
        // A coarser history begins earlier, at a whole step.
        func time(_ sample: String) -> Int64 { sample.split(separator: " ").last.flatMap { Int64($0) } ?? 0 }
        let first = try #require(all.map(time).min())
        let coarse = try samples("--bounds", "text", "--step", "5m").filter { time($0) >= first }
        #expect(coarse.count > 3000 && Set(coarse).isSubset(of: Set(all)))
    }

    @Test func badInputIsNamed() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        try host.shutDown()
        for (words, said) in [
            (["--label", "job"], "invalid value 'job' for --label: expected name=value"),
            (["--label", "kind=x"], "the metrics have their own 'kind'"),
            (["--label", "a=b", "--label", "a=c"], "each name once"),
            (["--prometheus", "ftp://x"], "expected a URL"),
            (["--since", "now", "--until", "-1h"], "expected a time before --until"),
        ] {
            let outcome = try place.tool.run(["backfill"] + words)
            #expect(outcome.status == 64 && outcome.errors.contains(said), "\(words): \(outcome.errors)")
        }
        let nothing = try place.tool.run("backfill", "--until", "-1h")
        #expect(nothing.text == "# EOF\n" && nothing.errors.contains("no events in that time"))
    }
}

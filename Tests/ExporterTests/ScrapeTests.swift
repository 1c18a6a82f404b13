import Exporter
import Foundation
import TestSupport
import Testing

/// What a scrape gets: the plugin's own numbers, in every form, whatever happens to the server.
@Suite struct ScrapeTests {
    static let openMetrics = "Accept: application/openmetrics-text;version=1.0.0"

    /// Runs a shell command on a response.
    private func judged(_ command: String, _ body: [UInt8]) throws -> Outcome {
        let place = TemporaryDirectory()
        try overwrite(place("body"), with: body)
        return try shell(command, environment: ["BODY": place("body")])
    }

    @Test func promtoolFindsNoFault() throws {
        let place = DataPlace()
        let host = try place.server()
        try host.ask("hostile seed=1 rounds=50")
        let exporter = try TestExporter(place)
        _ = try exporter.get("/metrics")
        let answer = try exporter.get("/metrics")
        let outcome = try judged("promtool check metrics < \"$BODY\"", answer.body)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        try host.shutDown()
    }

    @Test func pythonsClientReadsOpenMetrics() throws {
        let place = DataPlace()
        let host = try place.server()
        try host.ask("hostile seed=2 rounds=50")
        let exporter = try TestExporter(place)
        let answer = try exporter.get("/metrics", Self.openMetrics)
        #expect(answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(answer.text.hasSuffix("\n# EOF\n"))
        #expect(answer.text.contains("\n# UNIT process_resident_memory_bytes bytes\n"))
        guard FileManager.default.fileExists(atPath: BuiltProducts.python) else {
            return skip("OpenMetrics by Python's client", because: "there is no \(BuiltProducts.python)")
        }
        let outcome = try judged(
            "\(BuiltProducts.python) -c 'import sys; from prometheus_client.openmetrics.parser import "
                + "text_string_to_metric_families as parse; print(len(list(parse(sys.stdin.read()))))' < \"$BODY\"",
            answer.body)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try host.shutDown()
    }

    @Test(arguments: [nil, openMetrics])
    func gzipIsTheSameText(accept: String?) throws {
        // Nothing happens in this directory, so all but the exporter's own numbers stay the same.
        let exporter = try TestExporter()
        let plain = try exporter.get("/metrics", accept ?? "X: y")
        let small = try exporter.get("/metrics", accept ?? "X: y", "Accept-Encoding: gzip")
        #expect(plain.headers["content-encoding"] == nil)
        #expect(small.headers["content-encoding"] == "gzip")
        #expect(small.headers["content-type"] == plain.headers["content-type"])
        #expect(small.body.count * 4 < plain.body.count)
        let unpacked = try judged("gunzip < \"$BODY\"", small.body)
        #expect(unpacked.status == 0, "\(unpacked.errors)")
        func steady(_ text: String) -> [Substring] {
            text.split(separator: "\n").filter { !$0.hasPrefix("process_") && !$0.hasPrefix("qpc_exporter_") }
        }
        #expect(steady(unpacked.text) == steady(plain.text))
    }

    @Test func beforeTheServerEverRan() throws {
        let exporter = try TestExporter()
        let page = try exporter.exposition()
        #expect(page.samples["qpc_up"] == "0")
        #expect(page.samples["qpc_auth_failures_total{reason=\"credentials\"}"] == "0")
        #expect(page.samples["qpc_exporter_scrape_duration_seconds_count"] == "0")
        #expect(page.samples["process_start_time_seconds"] != nil)
        for name in [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
            "process_open_fds", "process_max_fds",
        ] { #expect(page.samples[name] != nil, "\(name)") }
        // Reading creates nothing.
        #expect(!FileManager.default.fileExists(atPath: exporter.place.path))
        // Each scrape is counted once.
        #expect(try exporter.exposition().value("qpc_exporter_scrape_duration_seconds_count") == 1)
        let others = page.counters.filter { !$0.key.hasPrefix("process_") && !$0.key.hasPrefix("qpc_exporter_") }
        #expect(others.allSatisfy { $0.value == 0 })
    }

    @Test func theHostsOwnCountIsServedAcrossRestartsAndKills() throws {
        let place = DataPlace()
        let exporter = try TestExporter(place)
        var earlier = try exporter.exposition()
        var sent = [UInt64](repeating: 0, count: eventKinds.count)
        for run in 0..<4 {
            let host = try place.server()
            let tally = try host.tally("drive threads=2 calls=500 seed=\(run + 1)")
            for (index, count) in tally.events.enumerated() { sent[index] += count }
            // From its first heartbeat on.
            try eventually("it is up") { try exporter.exposition().samples["qpc_up"] == "1" }
            let page = try exporter.exposition()
            for (index, kind) in eventKinds.enumerated() {
                #expect(try page.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == sent[index], "run \(run)")
            }
            #expect(page.lower(than: earlier) == [])
            if run % 2 == 0 { host.kill() } else { try host.shutDown() }
            let after = try exporter.exposition()
            #expect(after.samples["qpc_up"] == "0")
            #expect(after.lower(than: page) == [])
            earlier = after
        }
    }

    @Test func moreThreadsThanTheFileHadAreSeen() throws {
        let place = DataPlace()
        let host = try place.server()
        let exporter = try TestExporter(place)
        #expect(try exporter.exposition().value("qpc_fetches_total") == 0)
        try host.ask("spawn-threads count=20 alive=1 calls=3")
        #expect(try exporter.exposition().value("qpc_fetches_total") == 60)
        try host.shutDown()
    }

    @Test func withoutALiveFileTheLogIsAsked() throws {
        let place = DataPlace()
        let host = try place.server()
        let tally = try host.tally("drive threads=1 calls=200 seed=3")
        try host.shutDown()
        unlink(place("live.qpcm"))
        let exporter = try TestExporter(place)
        let page = try exporter.exposition()
        #expect(page.samples["qpc_up"] == "0")
        for (index, kind) in eventKinds.enumerated() {
            #expect(try page.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == tally.events[index])
        }
    }

    @Test func aDirectoryThatIsGoneForAWhileTakesNoCounterDown() throws {
        let place = DataPlace()
        let host = try place.server()
        try host.ask("drive threads=1 calls=100 seed=4")
        try host.shutDown()
        let exporter = try TestExporter(place)
        let before = try exporter.exposition()
        rename(place.path, place.path + "-elsewhere")
        let meanwhile = try exporter.exposition()
        #expect(meanwhile.lower(than: before) == [])
        #expect(meanwhile.samples["qpc_up"] == "0")
        rename(place.path + "-elsewhere", place.path)
        #expect(try exporter.exposition().lower(than: before) == [])
    }

    @Test func whatCannotBeReadIsNotServedAsZero() throws {
        let place = DataPlace()
        mkdir(place.path, 0o755)
        try overwrite(place("live.qpcm"), with: [UInt8](repeating: 0x5A, count: 1 << 16))
        let exporter = try TestExporter(place)
        let answer = try exporter.get("/metrics")
        #expect(answer.status == 503)
        #expect(!answer.text.contains(place.path))
        #expect(try exporter.get("/").status == 503)
        try eventually("it is not ready") { try exporter.get("/-/ready").status == 503 }
        #expect(try exporter.get("/-/healthy").status == 200)
        unlink(place("live.qpcm"))
        #expect(try exporter.get("/metrics").status == 200)
    }

    @Test func aLiveFileThatIsCutShortDoesNoHarm() throws {
        let place = DataPlace()
        let host = try place.server()
        try host.shutDown()
        // Nothing may be reading at that moment: a mapping whose file is cut short while it is read raises SIGBUS.
        let exporter = try TestExporter(place) { $0.readinessInterval = .hours(1) }
        #expect(try exporter.get("/metrics").status == 200)
        truncate(place("live.qpcm"), 100)
        #expect(try exporter.get("/metrics").status == 503)
    }

    @Test func manyAtOnceGetOneReadingEach() throws {
        let place = DataPlace()
        let host = try place.server()
        let exporter = try TestExporter(place)
        let clients = try (0..<16).map { _ in try exporter.client() }
        for round in 1...20 {
            try host.ask("fetch count=1")
            for (index, client) in clients.enumerated() {
                client.request("GET /metrics", index % 2 == 0 ? "Accept: */*" : Self.openMetrics)
            }
            for client in clients {
                let answer = try client.answer()
                // Whatever happened before the request is in the response.
                #expect(answer.text.contains("\nqpc_fetches_total \(round)\n"))
            }
        }
        try host.shutDown()
    }
}

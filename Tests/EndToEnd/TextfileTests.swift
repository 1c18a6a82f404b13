import Foundation
import TestSupport
import Testing

/// The other way into Prometheus: a file that node_exporter's textfile collector picks up.
@Suite struct TextfileTests {
    @Test func nodeExporterTakesWhatPrometheusWrites() throws {
        let program = "prometheus-node-exporter"
        guard try Daemon.isInstalled(program, for: "node_exporter's textfile collector") else { return }
        let place = DataPlace()
        let host = try place.server()
        let tally = try host.tally("hostile seed=4 rounds=50")
        try host.shutDown()
        let directory = place.temporary("textfile")
        mkdir(directory, 0o755)
        let nodeExporter = try Daemon(program, readyPath: "/metrics", errorFile: place.temporary("node-errors")) { port in
            [
                "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory=\(directory)",
                "--web.listen-address=127.0.0.1:\(port)",
            ]
        }
        let written = try place.tool.succeed("prometheus", "--output", directory + "/qpc.prom")
        #expect(written.output.isEmpty)

        let page = try Exposition(LoopbackHTTP.get(nodeExporter.port, "/metrics").text)
        #expect(page.samples["node_textfile_scrape_error"] == "0", "\(nodeExporter.said)")
        #expect(page.samples.keys.contains { $0.hasPrefix("node_textfile_mtime_seconds{file=\"\(directory)/qpc.prom\"") })
        #expect(page.sum("qpc_plugin_events_recorded_total") == tally.total - tally.events[5] + tally.calls[5])
        // Every sample is compared by value: node_exporter formats labels and numbers in its own way.
        let ours = try Self.values(place.tool.exposition()), theirs = try Self.values(page)
        #expect(ours.count > 200)
        // This one grows with time.
        let growing = "qpc_delivery_oldest_waiting_seconds{}"
        for (name, value) in ours where name != growing { #expect(theirs[name] == value, "\(name)") }
        #expect(try #require(theirs[growing]) <= #require(ours[growing]))
        #expect(theirs.keys.filter { $0.hasPrefix("qpc_") }.count == ours.count)
    }

    /// Samples by name and sorted labels.
    private static func values(_ exposition: Exposition) throws -> [String: Double] {
        var values: [String: Double] = [:]
        for (name, text) in exposition.samples {
            let parts = name.split(separator: "{", maxSplits: 1)
            let labels = (parts.count > 1 ? parts[1].dropLast() : "").split(separator: ",").sorted().joined(separator: ",")
            guard let value = Double(text) else { throw TestFailure("\(name) is \(text)") }
            values["\(parts[0]){\(labels)}"] = value
        }
        return values
    }
}

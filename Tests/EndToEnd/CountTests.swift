import Foundation
import TestSupport
import Testing

/// Prometheus has counted exactly what the server did, whatever happened to the server.
@Suite struct CountTests {
    let place = DataPlace()

    @Test func aRestartAndAKillLoseNothingAndCountNothingTwice() throws {
        guard try Daemon.isInstalled("prometheus", for: "counters across a restart and a kill") else { return }
        // The exporter runs before the server has ever run, and keeps running.
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let prometheus = try PrometheusServer([.init(address: serve.addresses()[0])])
        try prometheus.awaits("no plugin yet") { try prometheus.value("qpc_up") == 0 }

        var sent = Sent()
        var host = try place.server()
        sent.add(try host.tally("drive threads=2 calls=4000 seed=1"))
        try awaitEquality(prometheus, sent, isUp: true)
        try host.shutDown()
        try awaitEquality(prometheus, sent, isUp: false)

        host = try place.server()
        // Killed while the last events are still in the rings.
        sent.add(try host.tally("drive threads=2 calls=4000 seed=2"))
        host.kill()
        try awaitEquality(prometheus, sent, isUp: false)

        host = try place.server()
        try awaitEquality(prometheus, sent, isUp: true)
        try killInTheMiddle(host, prometheus, after: sent)

        // None of the counters ever went down.
        let names = try prometheus.labelValues("__name__").filter { $0.hasPrefix("qpc_") }
        for name in names where ["_total", "_bucket", "_count", "_sum"].contains(where: { name.hasSuffix($0) }) {
            #expect(try prometheus.query("resets(\(name)[1h]) > 0").isEmpty, "\(name)")
        }
        // And all of them began when the directory was first used.
        for name in names where name.hasSuffix("_created") {
            #expect(try prometheus.query("changes(\(name)[1h]) > 0").isEmpty, "\(name)")
        }
        #expect(try prometheus.query("qpc_hook_calls_created").count == eventKinds.count)
        let complaints = try prometheus.complaints()
        #expect(complaints == [])
    }

    /// What the hosts say they did.
    private struct Sent {
        var calls = [UInt64](repeating: 0, count: 6)
        var events = [UInt64](repeating: 0, count: 6)

        mutating func add(_ tally: Tally) {
            for kind in 0..<6 {
                calls[kind] += tally.calls[kind]
                events[kind] += tally.events[kind]
            }
        }
    }

    private func awaitEquality(_ prometheus: PrometheusServer, _ sent: Sent, isUp: Bool) throws {
        var calls: [UInt64] = []
        var events: [UInt64] = []
        do {
            try prometheus.awaits("Prometheus has what was sent") {
                calls = try counts(prometheus, "qpc_hook_calls_total", "hook")
                events = try counts(prometheus, "qpc_plugin_events_recorded_total", "kind")
                let messages = try prometheus.values("qpc_messages_total", by: "path")
                return try prometheus.value("qpc_up") == (isUp ? 1 : 0) && calls == sent.calls && events == sent.events
                    && messages["single"] == Double(sent.events[0]) && messages["batch"] == Double(sent.events[1])
            }
        } catch {
            Issue.record("calls \(calls), sent \(sent.calls); events \(events), sent \(sent.events)")
            throw error
        }
    }

    private func counts(_ prometheus: PrometheusServer, _ name: String, _ label: String) throws -> [UInt64] {
        let values = try prometheus.values(name, by: label)
        return eventKinds.map { UInt64(values[$0] ?? 0) }
    }

    /// For calls that a kill cut off, only the server's next run can tell; Prometheus has exactly its account, and never fewer
    /// than had returned.
    private func killInTheMiddle(_ host: ServerHost, _ prometheus: PrometheusServer, after sent: Sent) throws {
        let journal = place.temporary("journal")
        try host.ask("drive threads=2 endless=1 seed=3 pause_us=50 journal=\(ServerHost.encoded(journal))")
        let before = sent.events.reduce(0, +)
        try prometheus.awaits("Prometheus sees the traffic") {
            try prometheus.value("sum(qpc_plugin_events_recorded_total)") ?? 0 > Double(before)
        }
        host.kill()
        let returned = try Journal(journal)
        let next = try place.server()
        try prometheus.awaits("the next server is up") { try prometheus.value("qpc_up") == 1 }
        let recorded = try place.tool.verify().lines.map(\.recorded)
        for kind in 0..<6 { #expect(recorded[kind] >= sent.events[kind] + returned.returned(kind), "\(eventKinds[kind])") }
        try prometheus.awaits("Prometheus has the ledger's account") {
            try counts(prometheus, "qpc_plugin_events_recorded_total", "kind") == recorded
        }
        try next.shutDown()
    }
}

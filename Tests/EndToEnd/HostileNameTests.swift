import Foundation
import TestSupport
import Testing

/// Whatever clients call themselves, the target stays up and none of it reaches Prometheus.
@Suite struct HostileNameTests {
    @Test func hostileNamesNeverTakeTheTargetDown() throws {
        guard try Daemon.isInstalled("prometheus", for: "scrapes while names are hostile") else { return }
        let place = DataPlace()
        // Plain: the names themselves are in the log.
        let host = try place.server(["IDENTITIES": "plain"])
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let prometheus = try PrometheusServer([.init(address: serve.addresses()[0])])
        try prometheus.awaits("the target is up") { try prometheus.value("qpc_up") == 1 }
        let metrics = try prometheus.labelValues("__name__")
        let series = try prometheus.value("scrape_samples_scraped")

        var sent: UInt64 = 0
        for seed in 1...8 {
            let tally = try host.tally("hostile seed=\(seed) rounds=200")
            // A registration with only null fields still counts as a registration.
            sent += tally.total - tally.events[5] + tally.calls[5]
            try prometheus.awaits("the hostile calls are counted") {
                try prometheus.value("sum(qpc_plugin_events_recorded_total)") == Double(sent)
            }
        }
        try prometheus.awaits("they are in the log") {
            try prometheus.value("sum(qpc_plugin_events_written_total) + sum(qpc_plugin_events_dropped_total)") == Double(sent)
        }

        #expect(try prometheus.value("min_over_time(up[1h])") == 1)
        #expect(try prometheus.value("min_over_time(qpc_up[1h])") == 1)
        #expect(try prometheus.value("scrape_samples_scraped") == series)
        #expect(try prometheus.labelValues("__name__") == metrics)
        #expect(
            try prometheus.labels() == [
                "__name__", "cause", "hook", "identities", "instance", "job", "kind", "le", "path", "reason", "version",
                "window",
            ])
        for label in try prometheus.labels() {
            for value in try prometheus.labelValues(label) {
                #expect(value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }, "\(label): \(value)")
            }
        }
        let complaints = try prometheus.complaints()
        #expect(complaints == [])
        try host.shutDown()
    }
}

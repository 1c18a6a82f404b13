import Foundation
import TestSupport
import Testing

/// An alert goes all the way: plugin, exporter, Prometheus' rules, Alertmanager's routes, somebody's pager.
@Suite struct AlertTests {
    let place = DataPlace()

    @Test func aServerThatDiesWakesSomebodyUpAndItsReturnIsToldToo() throws {
        guard try Daemon.isInstalled("prometheus", for: "an alert's way"),
            try Daemon.isInstalled("prometheus-alertmanager", for: "an alert's way")
        else { return }
        let pager = try WebhookReceiver(place.temporary)
        let alertmanager = try alertmanager(tells: pager)
        var host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let address = try serve.addresses()[0]
        let prometheus = try PrometheusServer([.init(address: address)], hurriedAlertsTo: alertmanager.port)
        try prometheus.awaits("the plugin is up") { try prometheus.value("qpc_up") == 1 }
        #expect(try prometheus.query("ALERTS{alertname=\"QpcPluginDown\"}").isEmpty)

        host.kill()
        try prometheus.awaits("Alertmanager has it") {
            try LoopbackHTTP.get(alertmanager.port, "/api/v2/alerts?receiver=pager").text.contains("\"QpcPluginDown\"")
        }
        let told = try pager.next()
        #expect(told.path == "/pager")
        #expect(told.status == "firing")
        let alert = try #require(told.alerts.first { $0.labels["alertname"] == "QpcPluginDown" }, "\(told)")
        #expect(alert.labels["severity"] == "critical" && alert.labels["instance"] == address)
        #expect(alert.annotations["summary"] == "The metrics plugin of \(address) has no heartbeat.")
        #expect(alert.annotations["runbook_url"]?.hasSuffix("docs/RUNBOOKS.md#qpcplugindown") == true)

        host = try place.server()
        let ended = try pager.next()
        #expect(ended.status == "resolved" && ended.alerts.first?.labels["alertname"] == "QpcPluginDown", "\(ended)")
        let complaints = try prometheus.complaints()
        #expect(complaints == [])
        try host.shutDown()
    }

    /// The example's routes, without its delays, to this receiver.
    private func alertmanager(tells pager: WebhookReceiver) throws -> Daemon {
        let example = BuiltProducts.packageRoot + "/dashboards/alertmanager/alertmanager.example.yml"
        let routes = String(decoding: try read(example), as: UTF8.self)
            .replacing("127.0.0.1:9099", with: "127.0.0.1:\(pager.port)")
            .replacing(/group_wait: \w+/, with: "group_wait: 1s").replacing(/group_interval: \w+/, with: "group_interval: 1s")
        let file = place.temporary("alertmanager.yml")
        try overwrite(file, with: Array(routes.utf8))
        let storage = place.temporary("alertmanager")
        return try Daemon(
            "prometheus-alertmanager", readyPath: "/-/ready", errorFile: place.temporary("alertmanager-errors")
        ) { port in
            [
                "--config.file=\(file)", "--storage.path=\(storage)", "--web.listen-address=127.0.0.1:\(port)",
                "--cluster.listen-address=",
            ]
        }
    }
}

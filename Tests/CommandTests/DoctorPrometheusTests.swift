import Foundation
import TestSupport
import Testing

/// `doctor --prometheus` with answers that a real Prometheus rarely gives. DoctorAbroadTests uses a real one.
@Suite struct DoctorPrometheusTests {
    let place = DataPlace()

    private static let alerts = [
        "QpcPluginDown", "QpcExporterDown", "QpcTextfileStale", "QpcEventsDropped", "QpcDrainLagging", "QpcLogErrors",
        "QpcDiskNearlyFull", "QpcLogHeld", "QpcVerifyFailed", "QpcLoginFailures", "QpcUserEnumeration", "QpcPasswordSpraying",
        "QpcPasswordGuessing", "QpcMessagesWait", "QpcDeliverySlow", "QpcRegistrationBurst", "QpcTrafficGone",
        "QpcShipperDown", "QpcShipperLagging", "QpcShipperErrors", "QpcShipperSkippedEvents",
    ]

    /// A Prometheus that scraped this plugin that many seconds ago.
    private func prometheus(
        age: String = "3", rules: [String] = Self.alerts, group: String = "qpc-metrics", broken: String = "",
        firing: [(name: String, severity: String, instance: String)] = [], state: String = "firing"
    ) throws -> StandInHTTP {
        let start = try place.tool.exposition().samples["qpc_plugin_start_time_seconds"] ?? ""
        @Sendable func value(_ value: String) -> String {
            #"{"result":[{"metric":{"job":"qpc","instance":"here:1"},"value":[1,"\#(value)"]}]}"#
        }
        let loaded = rules.map { #"{"name":"\#($0)","health":"\#($0 == broken ? "err" : "ok")","lastError":"vector mismatch"}"# }
        let alerts = firing.map {
            let labels = #"{"alertname":"\#($0.name)","severity":"\#($0.severity)","instance":"\#($0.instance)"}"#
            return #"{"state":"\#(state)","labels":\#(labels)}"#
        }
        let targets = #"{"activeTargets":[{"labels":{"job":"qpc","instance":"here:1"},"health":"up"}]}"#
        let rulesData = #"{"groups":[{"name":"\#(group)","rules":[\#(loaded.joined(separator: ","))]}]}"#
        let alertsData = #"{"alerts":[\#(alerts.joined(separator: ","))]}"#
        return try StandInHTTP { path in
            var data: String
            switch path {
            case _ where path.hasPrefix("/prefix/api/v1/query?query=last"): data = value(start)
            case _ where path.hasPrefix("/prefix/api/v1/query?query=time"): data = value(age)
            case "/prefix/api/v1/targets?state=active": data = targets
            case "/prefix/api/v1/rules": data = rulesData
            case "/prefix/api/v1/alerts": data = alertsData
            default: return .init(404)
            }
            data = "{\"status\":\"success\",\"data\":\(data)}"
            return .init(200, data)
        }
    }

    private func ask(_ prometheus: StandInHTTP) throws -> DoctorReport {
        try place.tool.doctor("--prometheus", prometheus.url + "/prefix/")
    }

    @Test func targetsRulesAndAlertsThatAreNotAsTheyShouldBe() throws {
        let host = try place.server()
        let well = try ask(prometheus())
        for name in ["target", "rules", "alerts"] {
            #expect(well.all("prometheus " + name).map(\.result) == ["ok"], "\(well.checks)")
        }
        #expect(well.has("prometheus target", "ok", "instance here:1", "3.0 s ago"))

        let late = try ask(prometheus(age: "300"))
        #expect(late.has("prometheus target", "failure", "last scraped 300 s ago", "/targets"))

        let older = try ask(prometheus(rules: Self.alerts.filter { $0 != "QpcLogHeld" }))
        #expect(older.has("prometheus rules", "warning", "not loaded: QpcLogHeld", "alerts.yml"))
        let alone = try ask(prometheus(group: "mine"))
        #expect(alone.has("prometheus rules", "warning", "not loaded: the group qpc-metrics"))
        let broken = try ask(prometheus(broken: "QpcLogHeld"))
        #expect(broken.has("prometheus rules", "failure", "a rule fails: QpcLogHeld: vector mismatch"))

        let elsewhere = try ask(prometheus(firing: [("QpcPluginDown", "critical", "there:1"), ("Other", "critical", "here:1")]))
        #expect(elsewhere.has("prometheus alerts", "ok", "none firing"))
        let pending = try ask(prometheus(firing: [("QpcPluginDown", "critical", "here:1")], state: "pending"))
        #expect(pending.has("prometheus alerts", "ok", "none firing; pending: QpcPluginDown"))
        let warns = try ask(prometheus(firing: [("QpcTrafficGone", "warning", "here:1")]))
        #expect(warns.has("prometheus alerts", "warning", "firing: QpcTrafficGone", "docs/RUNBOOKS.md"))
        #expect(warns.status == 0)
        let burns = try ask(
            prometheus(firing: [("QpcTrafficGone", "warning", "here:1"), ("QpcLogErrors", "critical", "here:1")]))
        #expect(burns.has("prometheus alerts", "failure", "firing: QpcLogErrors, QpcTrafficGone"))
        try host.shutDown()
    }

    /// What whoever has just added the job sees, until its first scrape.
    @Test func aTargetThatWasNeverScrapedIsNotCalledDown() throws {
        let host = try place.server()
        let job = #"{"activeTargets":[{"labels":{"job":"qpc","instance":"here:1"},"health":"unknown","lastError":""}]}"#
        let new = try StandInHTTP { path in
            let data = path.hasPrefix("/prefix/api/v1/targets") ? job : #"{"result":[],"groups":[],"alerts":[]}"#
            return .init(200, "{\"status\":\"success\",\"data\":\(data)}")
        }
        let report = try ask(new)
        #expect(report.has("prometheus target", "failure", "instance here:1 has not been scraped yet", "scrape_interval"))
        try host.shutDown()
    }

    @Test(
        "Nonsense is no Prometheus, and does no harm",
        arguments: ["", "{", "{\"status\":\"error\",\"error\":\"bad\\u001b[2J\"}", String(repeating: "[", count: 100_000)])
    func nonsense(body: String) throws {
        let stranger = try StandInHTTP { _ in .init(200, body) }
        let outcome = try place.tool.run("doctor", "--prometheus", stranger.url)
        #expect(outcome.status == 1 && outcome.text.contains("failure  prometheus") && !outcome.text.contains("\u{1B}"))
    }
}

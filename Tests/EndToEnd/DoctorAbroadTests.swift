import Foundation
import TestSupport
import Testing

/// `doctor --prometheus` with a real Prometheus: target, rules and alerts.
@Suite struct DoctorAbroadTests {
    let place = DataPlace()

    private func isInstalled() throws -> Bool { try Daemon.isInstalled("prometheus", for: "doctor --prometheus") }

    private func awaits(
        _ prometheus: PrometheusServer, _ name: String, _ result: String, _ words: String...
    ) throws -> DoctorReport {
        var report = try place.tool.doctor("--prometheus", prometheus.url)
        do {
            try eventually("\(name): \(result), \(words)", every: 0.2) {
                report = try place.tool.doctor("--prometheus", prometheus.url)
                return report.has(name, result, words)
            }
        } catch {
            throw TestFailure("\(error): \(report.checks)")
        }
        return report
    }

    /// Starts from a healthy installation; then the server dies and the exporter goes. Checks what each state looks like.
    @Test func targetRulesAndAlertsAreNamed() throws {
        guard try isInstalled() else { return }
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let address = try serve.addresses()[0]
        let prometheus = try PrometheusServer([.init(address: address)], hurriedAlertsTo: 9)
        let well = try awaits(prometheus, "prometheus target", "ok", "job qpc-metrics, instance \(address)", "this plugin's")
        #expect(well.has("prometheus rules", "ok", "21 alerts"), "\(well.checks)")
        #expect(well.has("prometheus alerts", "ok", "none firing"), "\(well.checks)")
        #expect(well.status == 0)

        host.kill()
        let fires = try awaits(prometheus, "prometheus alerts", "failure", "QpcPluginDown", "docs/RUNBOOKS.md#qpcplugindown")
        #expect(fires.has("prometheus target", "ok"), "\(fires.checks)")

        serve.child.kill()
        serve.child.wait()
        _ = try awaits(
            prometheus, "prometheus target", "failure", "instance \(address) is down", "connection refused", "qpc-metrics serve")
    }

    @Test func aPrometheusWithoutOurRulesIsAWarning() throws {
        guard try isInstalled() else { return }
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let prometheus = try PrometheusServer([.init(address: serve.addresses()[0])])
        let report = try awaits(prometheus, "prometheus target", "ok")
        #expect(
            report.has("prometheus rules", "warning", "none of the qpc-metrics alerts is loaded", "rule_files"),
            "\(report.checks)")
        #expect(report.status == 0)
        try host.shutDown()
    }

    @Test func aPrometheusThatDoesNotScrapeUsIsAFailure() throws {
        guard try isInstalled() else { return }
        let other = DataPlace()
        let hosts = try [place.server(), other.server()]
        let nobody = try LoopbackHTTP.freePort()
        // It has its own metrics and none of ours.
        let alone = try PrometheusServer([.init(name: "something", address: "127.0.0.1:\(nobody)")])
        let report = try place.tool.doctor("--prometheus", alone.url)
        #expect(report.has("prometheus target", "failure", "no target", "scrape.example.yml"), "\(report.checks)")
        #expect(report.status == 1)

        let down = try PrometheusServer([.init(address: "127.0.0.1:\(nobody)")])
        _ = try awaits(down, "prometheus target", "failure", "job qpc-metrics", "is down", "connection refused")

        let serve = try ServeProcess(other, "--web.listen-address", "127.0.0.1:0")
        let elsewhere = try PrometheusServer([.init(address: serve.addresses()[0])])
        _ = try awaits(elsewhere, "prometheus target", "failure", "no series of this plugin's run", "scrape.example.yml")
        for host in hosts { try host.shutDown() }
    }

    @Test func anExporterThatRefusesPrometheusIsNamed() throws {
        guard try isInstalled() else { return }
        let host = try place.server()
        let certificates = try Certificates()
        let config = try certificates.write("web.yml", "basic_auth_users: {reader: '\(Certificates.bcrypt("sesame"))'}\n")
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0", "--web.config.file", config)
        let prometheus = try PrometheusServer([.init(address: serve.addresses()[0])])
        _ = try awaits(prometheus, "prometheus target", "failure", "is down", "401", "basic_auth")
        try host.shutDown()
    }

    @Test func whatIsNoPrometheusIsNamed() throws {
        try place.server().shutDown()
        let stranger = try StandInHTTP { _ in .init(404, "<html>") }
        let report = try place.tool.doctor("--prometheus", stranger.url)
        #expect(report.has("prometheus", "failure", "answers 404", "not Prometheus"), "\(report.checks)")
        stranger.close()
        let gone = try place.tool.doctor("--prometheus", stranger.url)
        #expect(gone.has("prometheus", "failure", "Connection refused", "http://127.0.0.1:9090"), "\(gone.checks)")
        let guarded = try StandInHTTP { _ in .init(401) }
        #expect(try place.tool.doctor("--prometheus", guarded.url).has("prometheus", "warning", "not checked", "password"))
    }

    /// The rules that it looks for are the ones that are shipped.
    @Test func itKnowsEveryAlertThatIsShipped() throws {
        let rules = String(decoding: try read(BuiltProducts.packageRoot + "/dashboards/prometheus/alerts.yml"), as: UTF8.self)
        let shipped = Set(rules.matches(of: /alert: (\w+)/).map { String($0.output.1) })
        let source = String(
            decoding: try read(BuiltProducts.packageRoot + "/Sources/Doctor/PrometheusCheck.swift"), as: UTF8.self)
        let known = Set(source.matches(of: /"(Qpc\w+)"/).map { String($0.output.1) })
        #expect(shipped == known)
    }
}

import Foundation
import TestSupport

/// One value of a query result.
struct Sample: Decodable {
    var labels: [String: String]
    var value: Double

    private enum Key: String, CodingKey {
        case metric, value
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Key.self)
        labels = try members.decode([String: String].self, forKey: .metric)
        var pair = try members.nestedUnkeyedContainer(forKey: .value)
        _ = try pair.decode(Double.self)
        value = Double(try pair.decode(String.self)) ?? .nan
    }
}

/// Debian's Prometheus, queried as an operator would.
final class PrometheusServer {
    /// Where one or more exporters are.
    struct Job {
        var name = "qpc-metrics"
        var address: String
        /// Further lines for its part of the configuration.
        var settings: [String] = []
    }

    private let place = TemporaryDirectory()
    private let daemon: Daemon

    /// - Parameter alertmanager: alerting as in `dashboards/`, but without QpcPluginDown's delay, to this Alertmanager.
    init(_ jobs: [Job], hurriedAlertsTo alertmanager: UInt16? = nil) throws {
        let place = place
        var lines = [
            // A second is long enough for a busy machine, and short enough for whoever waits for this test.
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}", "scrape_configs:",
        ]
        for job in jobs {
            lines += ["  - job_name: \(job.name)", "    static_configs: [{targets: ['\(job.address)']}]"]
            lines += job.settings.map { "    " + $0 }
        }
        if let alertmanager {
            lines += [
                "rule_files: [rules.yml, alerts.yml]",
                "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:\(alertmanager)']}]}]}",
            ]
            let rules = BuiltProducts.packageRoot + "/dashboards/prometheus/"
            try overwrite(place("rules.yml"), with: read(rules + "rules.yml"))
            let hurried = String(decoding: try read(rules + "alerts.yml"), as: UTF8.self)
                .replacing(/alert: QpcPluginDown\n(.*\n) +for: \w+/) { "alert: QpcPluginDown\n\($0.output.1)        for: 1s" }
            try overwrite(place("alerts.yml"), with: Array(hurried.utf8))
        }
        try overwrite(place("prometheus.yml"), with: Array((lines.joined(separator: "\n") + "\n").utf8))
        daemon = try Daemon("prometheus", readyPath: "/-/ready", errorFile: place("errors")) { port in
            [
                "--config.file=\(place("prometheus.yml"))", "--storage.tsdb.path=\(place("data"))",
                "--web.listen-address=127.0.0.1:\(port)",
            ]
        }
    }

    /// The address of its own page.
    var url: String { "http://127.0.0.1:\(daemon.port)" }

    /// The directory of its blocks.
    var data: String { place("data") }

    // MARK: Questions

    private struct Answer<Content: Decodable>: Decodable { var data: Content }
    private struct Result: Decodable { var result: [Sample] }

    private func ask<Content: Decodable>(_ path: String) throws -> Content {
        let answer = try LoopbackHTTP.get(daemon.port, "/api/v1/" + path)
        guard answer.status == 200 else { throw TestFailure("\(path): \(answer.text)") }
        return try JSONDecoder().decode(Answer<Content>.self, from: Data(answer.body)).data
    }

    func query(_ expression: String) throws -> [Sample] {
        let result: Result = try ask("query?query=" + LoopbackHTTP.encoded(expression))
        return result.result
    }

    /// The value of an expression that has only one; nil while it has none.
    func value(_ expression: String) throws -> Double? {
        let samples = try query(expression)
        guard samples.count < 2 else { throw TestFailure("\(expression) has \(samples.count) values") }
        return samples.first?.value
    }

    /// The values of an expression, by one label.
    func values(_ expression: String, by label: String) throws -> [String: Double] {
        Dictionary(try query(expression).map { ($0.labels[label] ?? "", $0.value) }) { first, _ in first }
    }

    func labels() throws -> [String] { try ask("labels?match[]=" + LoopbackHTTP.encoded("{job=\"qpc-metrics\"}")) }

    func labelValues(_ label: String) throws -> [String] {
        try ask("label/\(label)/values?match[]=" + LoopbackHTTP.encoded("{job=\"qpc-metrics\"}"))
    }

    struct Target: Decodable {
        var scrapePool: String
        var health: String
        var lastError: String
    }

    func targets() throws -> [Target] {
        struct Targets: Decodable { var activeTargets: [Target] }
        let targets: Targets = try ask("targets")
        return targets.activeTargets
    }

    /// Polls until the condition holds.
    func awaits(_ what: String, _ condition: () throws -> Bool) throws {
        do {
            try eventually(what, within: 60, every: 0.05, condition)
        } catch let failure as TestFailure {
            let targets = (try? targets().map { "\($0.scrapePool): \($0.health) \($0.lastError)" }) ?? []
            throw TestFailure("\(failure); targets: \(targets); Prometheus: \(daemon.said.suffix(1000))")
        }
    }

    /// Samples that it ever rejected, and rules that failed: all must be 0.
    func complaints() throws -> [String] {
        let names = [
            "prometheus_target_scrapes_sample_duplicate_timestamp_total", "prometheus_target_scrapes_sample_out_of_order_total",
            "prometheus_target_scrapes_sample_out_of_bounds_total", "prometheus_target_scrapes_exceeded_sample_limit_total",
            "prometheus_rule_evaluation_failures_total", "prometheus_notifications_dropped_total",
        ]
        let own = try LoopbackHTTP.get(daemon.port, "/metrics").text.split(separator: "\n")
        return names.flatMap { name in
            let samples = own.filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            // If Prometheus no longer knew a name, the query would find nothing, and that would look like success.
            let isOptional = name.contains("_rule_") || name.contains("_notifications_")
            if samples.isEmpty, !isOptional { return ["\(name) is not there"] }
            return samples.filter { !$0.hasSuffix(" 0") }.map(String.init)
        }
    }
}

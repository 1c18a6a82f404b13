/// Does Prometheus scrape this installation, does it have our rules, and which of our alerts are firing?
public struct PrometheusCheck: Sendable {
    public var client: HTTPClient
    /// Includes the path prefix, if there is one.
    public var address: HTTPAddress
    /// When the plugin of this directory was started, UTC nanoseconds; nil if that is not known.
    public var startNanoseconds: UInt64?

    public init(client: HTTPClient, address: HTTPAddress, startNanoseconds: UInt64?) {
        self.client = client
        self.address = address
        self.startNanoseconds = startNanoseconds
    }

    /// The alerts of dashboards/prometheus/alerts.yml.
    public static let alerts = [
        "QpcPluginDown", "QpcExporterDown", "QpcTextfileStale", "QpcEventsDropped", "QpcDrainLagging", "QpcLogErrors",
        "QpcDiskNearlyFull", "QpcLogHeld", "QpcVerifyFailed", "QpcLoginFailures", "QpcUserEnumeration", "QpcPasswordSpraying",
        "QpcPasswordGuessing", "QpcMessagesWait", "QpcDeliverySlow", "QpcRegistrationBurst", "QpcTrafficGone",
        "QpcShipperDown", "QpcShipperLagging", "QpcShipperErrors", "QpcShipperSkippedEvents",
    ]
    /// The group of dashboards/prometheus/rules.yml.
    static let recordings = "qpc-metrics"
    private static let scrapeSeconds = 120.0

    /// Blocks until Prometheus has answered about five queries.
    public func run() -> [Check] {
        do {
            let own = try targets()
            return own.checks + [try rules(), try alerts(of: own.instance)]
        } catch {
            return [failed(error)]
        }
    }

    // MARK: Queries

    private enum Trouble: Error {
        case http(HTTPError)
        case answer(status: Int, text: String)
    }

    /// The `data` of an answer.
    private func ask(_ path: String) throws(Trouble) -> JSONNode {
        let answer: HTTPAnswer
        do { answer = try client.get(address, address.path + "/api/v1/" + path) } catch { throw .http(error) }
        let json = JSONNode(answer.body)
        guard answer.status == 200, let data = json?["data"] else {
            throw .answer(status: answer.status, text: json?["error"]?.text ?? "")
        }
        return data
    }

    /// One value of an instant query, by its labels.
    private struct Value {
        var labels: [String: String]
        var value: Double

        var instance: String { labels["instance"] ?? "" }
        func isOf(_ other: Value) -> Bool { instance == other.instance && labels["job"] == other.labels["job"] }
        var words: String { "job \(labels["job"] ?? "?"), instance \(labels["instance"] ?? "?")" }
    }

    private func query(_ expression: String) throws(Trouble) -> [Value] {
        (try ask("query?query=" + expression.percentEncoded)["result"]?.elements ?? []).compactMap { element in
            guard let pair = element["value"]?.elements, pair.count == 2, let value = pair[1].text.flatMap({ Double($0) }) else {
                return nil
            }
            return Value(labels: element["metric"]?.texts ?? [:], value: value)
        }
    }

    private func failed(_ trouble: Trouble) -> Check {
        let name = "prometheus"
        switch trouble {
        case .http(.speaksTLS):
            return .failure(name, "\(address): it uses TLS", fix: "qpc-metrics doctor --prometheus https://…")
        case .http(let error):
            return .failure(
                name, "\(address): \(error.message)",
                fix: "start Prometheus there, or set --prometheus to its URL, such as http://127.0.0.1:9090")
        case .answer(401, _):
            return .notChecked(name, "\(address) requires a password (401)", fix: "--prometheus http://USER:PASSWORD@HOST:PORT")
        case .answer(503, _):
            return .failure(
                name, "\(address) is not ready (503): it is starting, or cannot",
                fix: "ask again in a moment; see Prometheus' log")
        case .answer(let status, let text):
            return .failure(
                name, "\(address)/api/v1 answers \(status)\(text.isEmpty ? ": this is not Prometheus" : ": \(text)")",
                fix: "set --prometheus to its URL, such as http://127.0.0.1:9090")
        }
    }

    // MARK: Targets

    private static let scrapeRemedy =
        "add the job of dashboards/prometheus/scrape.example.yml (the package has it in /usr/share/qpc-metrics) to its "
        + "scrape_configs, and reload it; a new job shows after its first scrape"

    /// - Returns: the checks, and the instance whose series are this directory's; nil if it is not known.
    private func targets() throws(Trouble) -> (checks: [Check], instance: String?) {
        let fresh = try query("time() - timestamp(qpc_plugin_start_time_seconds)")
        let starts = try query("last_over_time(qpc_plugin_start_time_seconds[1h])")
        guard !starts.isEmpty else { return ([try unscraped()], nil) }
        var own = starts
        if let startNanoseconds { own = starts.filter { abs($0.value - Double(startNanoseconds) / 1e9) < 0.0001 } }
        guard let target = own.first else {
            let others = starts.map(\.instance).sorted().joined(separator: ", ")
            return (
                [
                    .failure(
                        "prometheus target",
                        "it scrapes \(others), but has no series of this plugin's run; or the plugin has only just started",
                        fix: "wait for two scrape intervals; otherwise " + Self.scrapeRemedy)
                ], nil
            )
        }
        let age = fresh.first { $0.isOf(target) }.map(\.value)
        let check: Check
        if let problem = try down(target) {
            check = problem
        } else if let age, age < Self.scrapeSeconds {
            let seconds = (age * 10).rounded() / 10
            let known = startNanoseconds == nil ? "it cannot be told whether it is this plugin" : "this plugin's"
            check = .ok("prometheus target", "up (\(target.words)), \(known), last scraped \(max(0, seconds)) s ago")
        } else {
            check = .failure(
                "prometheus target",
                "\(target.words): \(age.map { "last scraped \(Int($0)) s ago" } ?? "no longer scraped")",
                fix: "see its targets page, \(address)/targets")
        }
        return ([check], target.instance)
    }

    private struct Target {
        var labels: [String: String]
        var url: String
        var isUp: Bool
        /// Not scraped yet.
        var isNew: Bool
        var error: String
    }

    private func active() throws(Trouble) -> [Target] {
        (try ask("targets?state=active")["activeTargets"]?.elements ?? []).map {
            Target(
                labels: $0["labels"]?.texts ?? [:], url: $0["scrapeUrl"]?.text ?? "", isUp: $0["health"]?.text == "up",
                isNew: $0["health"]?.text == "unknown", error: $0["lastError"]?.text ?? "")
        }
    }

    /// A failure if the target that these series come from is down.
    private func down(_ value: Value) throws(Trouble) -> Check? {
        let target = try active().first { $0.labels["job"] == value.labels["job"] && $0.labels["instance"] == value.instance }
        return target.flatMap { $0.isUp ? nil : failure($0) }
    }

    private func failure(_ target: Target) -> Check {
        let job = "job \(target.labels["job"] ?? "?"), instance \(target.labels["instance"] ?? "?")"
        if target.isNew {
            return .failure("prometheus target", "\(job) has not been scraped yet", fix: "ask again after its scrape_interval")
        }
        var remedy = "start the exporter there: systemctl start qpc-metrics, or qpc-metrics serve"
        if target.error.contains("401") { remedy = "give the job basic_auth with a user of the exporter's --web.config.file" }
        if target.error.contains("x509") || target.error.contains("HTTPS") || target.error.contains("tls") {
            remedy = "set the job's scheme and tls_config to match the exporter's --web.config.file"
        }
        return .failure("prometheus target", "\(job) is down: \(target.error)", fix: remedy)
    }

    /// None of our series was scraped within the hour: a target that is down may be the reason.
    private func unscraped() throws(Trouble) -> Check {
        let candidates = try active().filter { target in
            !target.isUp && (target.labels["job"]?.contains("qpc") == true || target.url.contains(":10120/"))
        }
        if let target = candidates.first { return failure(target) }
        return .failure("prometheus target", "no target of \(address) serves the plugin's metrics", fix: Self.scrapeRemedy)
    }

    // MARK: Rules and alerts

    private func rules() throws(Trouble) -> Check {
        let name = "prometheus rules"
        var found: Set<String> = []
        var broken: [String] = []
        var hasRecordings = false
        for group in try ask("rules")["groups"]?.elements ?? [] {
            hasRecordings = hasRecordings || group["name"]?.text == Self.recordings
            for rule in group["rules"]?.elements ?? [] {
                let rule = (name: rule["name"]?.text ?? "", health: rule["health"]?.text, error: rule["lastError"]?.text)
                found.insert(rule.name)
                let isOurs = Self.alerts.contains(rule.name) || rule.name.contains("qpc_")
                if isOurs, rule.health == "err" { broken.append("\(rule.name): \(rule.error ?? "")") }
            }
        }
        if let first = broken.first {
            return .failure(
                name, "a rule fails: \(first)", fix: "load dashboards/prometheus/rules.yml and alerts.yml of this version")
        }
        let missing = Self.alerts.filter { !found.contains($0) }
        if missing.count == Self.alerts.count {
            return .warning(
                name, "none of the qpc-metrics alerts is loaded: nobody is alerted when something breaks",
                fix: "add dashboards/prometheus/rules.yml and alerts.yml to its rule_files, and reload it")
        }
        if !missing.isEmpty || !hasRecordings {
            let lacks = missing + (hasRecordings ? [] : ["the group \(Self.recordings)"])
            return .warning(
                name, "not loaded: \(lacks.joined(separator: ", "))",
                fix: "load dashboards/prometheus/rules.yml and alerts.yml of this version, and reload it")
        }
        return .ok(name, "all \(Self.alerts.count) alerts and the recording rules are loaded")
    }

    /// - Parameter instance: the instance whose alerts to report; nil for all.
    private func alerts(of instance: String?) throws(Trouble) -> Check {
        let name = "prometheus alerts"
        let ours = (try ask("alerts")["alerts"]?.elements ?? []).filter { alert in
            let labels = alert["labels"]?.texts ?? [:]
            let isHere = instance == nil || labels["instance"] == nil || labels["instance"] == instance
            return Self.alerts.contains(labels["alertname"] ?? "") && isHere
        }
        func names(_ alerts: [JSONNode]) -> String {
            Set(alerts.compactMap { $0["labels"]?["alertname"]?.text }).sorted().joined(separator: ", ")
        }
        let firing = ours.filter { $0["state"]?.text == "firing" }
        let pending = ours.filter { $0["state"]?.text == "pending" }
        guard !firing.isEmpty else {
            return .ok(name, "none firing" + (pending.isEmpty ? "" : "; pending: \(names(pending))"))
        }
        let found = "firing: \(names(firing))"
        let pages = Set(firing.map { $0["annotations"]?["runbook_url"]?.text ?? "docs/RUNBOOKS.md" }).sorted()
        let remedy = "see " + pages.joined(separator: ", ")
        let isCritical = firing.contains { $0["labels"]?["severity"]?.text == "critical" }
        return isCritical ? .failure(name, found, fix: remedy) : .warning(name, found, fix: remedy)
    }
}

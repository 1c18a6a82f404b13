import MetricsModel

/// Is the exporter running, and does it serve this directory?
public struct ExporterCheck: Sendable {
    public var client: HTTPClient
    /// Includes the path of its metrics, if that is not `/metrics`.
    public var address: HTTPAddress
    /// Whether the user gave this address. Otherwise it is only tried, and it may be fine that nothing is there.
    public var isExpected: Bool
    /// When the plugin of this directory was started, UTC nanoseconds; nil if that is not known.
    public var startNanoseconds: UInt64?
    /// The data directory, quoted for a command line.
    public var directory: String

    public init(client: HTTPClient, address: HTTPAddress, isExpected: Bool, startNanoseconds: UInt64?, directory: String) {
        self.client = client
        self.address = address
        self.isExpected = isExpected
        self.startNanoseconds = startNanoseconds
        self.directory = directory
    }

    /// Blocks until the exporter has answered, or the client has timed out.
    public func run() -> [Check] {
        let ready: HTTPAnswer
        do {
            ready = try client.get(address, "/-/ready")
        } catch {
            return [unanswered(error)]
        }
        switch ready.status {
        case 200: break
        case 401:
            return [
                .notChecked(
                    "exporter", "\(address.root) requires a password (401)",
                    fix: address.credentials == nil
                        ? "qpc-metrics doctor --exporter with http://USER:PASSWORD@HOST:PORT"
                        : "compare the password with basic_auth_users in its --web.config.file")
            ]
        case 503:
            return [
                .failure(
                    "exporter", "\(address.root) answers, but cannot read its data directory",
                    fix: "see its log for the reason; its user must be in the group of the data directory: usermod -aG")
            ]
        default: return [stranger("\(address.root)/-/ready answers \(ready.status)")]
        }
        return scrape()
    }

    private func scrape() -> [Check] {
        let path = address.path.isEmpty ? "/metrics" : address.path
        do {
            let answer = try client.get(address, path)
            guard answer.status == 200 else { return [stranger("\(address.root)\(path) answers \(answer.status)")] }
            let page = MetricsText(answer.body)
            guard page.has("qpc_up") else { return [stranger("\(address.root)\(path) has no qpc_up")] }
            return [.ok("exporter", "\(address.root) is ready and serves \(path)"), directory(page), version(page)]
        } catch {
            return [unanswered(error)]
        }
    }

    private func directory(_ page: MetricsText) -> Check {
        let name = "exporter directory"
        guard let startNanoseconds else {
            return .notChecked(
                name, "the plugin's start time is unknown, so it cannot be compared with the exporter's",
                fix: "see the checks of the plugin above")
        }
        let served = page.sum("qpc_plugin_start_time_seconds") ?? 0
        // At this magnitude, the resolution of a double is below a microsecond.
        if abs(served - Double(startNanoseconds) / 1e9) < 0.001 {
            return .ok(name, "it serves this directory: both give the same start time for the plugin")
        }
        return .failure(
            name, "it serves another directory, or an older run of this one: the start times of the plugin differ",
            fix: "qpc-metrics serve --dir \(directory), or QPC_METRICS_PLUGIN_DIR in the exporter's unit")
    }

    private func version(_ page: MetricsText) -> Check {
        let name = "exporter version"
        guard let version = page.label("version", of: "qpc_exporter_build_info") else {
            return .warning(
                name, "it does not report its version: it is older than \(Version.current)",
                fix: "restart the exporter to run this version")
        }
        if version == Version.current { return .ok(name, version) }
        return .warning(
            name, "the exporter is \(version), this command \(Version.current)",
            fix: "install the same version of both, and restart the exporter")
    }

    private func unanswered(_ error: HTTPError) -> Check {
        let found = "\(address.root): \(error.message)"
        switch error {
        case .speaksTLS:
            return result("exporter", found, fix: "qpc-metrics doctor --exporter https://\(address.authority)")
        case .speaksNoTLS:
            return result("exporter", found, fix: "qpc-metrics doctor --exporter http://\(address.authority)")
        case .certificate:
            return .notChecked(
                "exporter", found,
                fix: "set --ca-file to the certificate of its CA, and use the host name in the certificate")
        case .tls, .noAuthorities:
            return .notChecked("exporter", found, fix: "see tls_server_config in its --web.config.file, and --ca-file")
        case .unreachable, .timeout, .closed, .cutShort, .tooLarge, .notHTTP:
            return result(
                "exporter", found,
                fix: "systemctl start qpc-metrics, or qpc-metrics serve --dir \(directory); elsewhere: doctor --exporter URL")
        }
    }

    /// Something answers there, but it is not the exporter.
    private func stranger(_ found: String) -> Check {
        result("exporter", "\(found): this is not qpc-metrics serve", fix: "qpc-metrics doctor --exporter URL")
    }

    private func result(_ name: String, _ found: String, fix remedy: String) -> Check {
        isExpected ? .failure(name, found, fix: remedy) : .notChecked(name, found, fix: remedy)
    }
}

import MetricsModel
import Readings

/// Compares the server's own counters with the plugin's: which hook is not called?
public struct ServerMetricsCheck: Sendable {
    public var client: HTTPClient
    /// Includes the path of its metrics, if that is not `/metrics`.
    public var address: HTTPAddress
    public var windowSeconds: Int

    public init(client: HTTPClient, address: HTTPAddress, windowSeconds: Int) {
        self.client = client
        self.address = address
        self.windowSeconds = windowSeconds
    }

    private static let name = "server metrics"

    /// Blocks for the window, plus the time that the server takes to answer twice.
    ///
    /// - Parameter plugin: reads the plugin's counters now; nil if they cannot be read.
    /// - Parameter wait: waits for the given number of seconds.
    public func run(plugin: () -> MetricsSnapshot?, wait: (Int) -> Void) -> [Check] {
        do {
            guard let begin = try read(plugin) else { return [unreadable] }
            wait(windowSeconds)
            guard let end = try read(plugin) else { return [unreadable] }
            guard begin.before.startNanoseconds == end.after.startNanoseconds, !end.hasRestarted(since: begin) else {
                return [.notChecked(Self.name, "the server was restarted within the window", fix: "run doctor again")]
            }
            return HookComparison.all(windowSeconds).map { $0.check(begin, end) }
        } catch let failure as Failure {
            return [failure.check]
        } catch {
            return [.failure(Self.name, "\(error)", fix: "run doctor again")]
        }
    }

    private struct Failure: Error { var check: Check }

    private var unreadable: Check {
        .notChecked(Self.name, "the plugin's counters cannot be read", fix: "see the checks of the plugin above")
    }

    private func read(_ plugin: () -> MetricsSnapshot?) throws -> ServerReading? {
        guard let before = plugin() else { return nil }
        let page = try page()
        guard let after = plugin() else { return nil }
        return ServerReading(before: before, server: page, after: after)
    }

    private func page() throws(Failure) -> MetricsText {
        let path = address.path.isEmpty ? "/metrics" : address.path
        let place = "\(address.root)\(path)"
        let answer: HTTPAnswer
        do {
            answer = try client.get(address, path)
        } catch {
            throw Failure(
                check: .failure(
                    Self.name, "\(place): \(error.message)",
                    fix: "set QPC_METRICS_ENABLED and QPC_METRICS_LISTEN for the server, and --server-metrics to that address")
            )
        }
        guard answer.status == 200 else {
            throw Failure(
                check: .failure(
                    Self.name, "\(place) answers \(answer.status)", fix: "set --server-metrics to the metrics URL")
            )
        }
        let page = MetricsText(answer.body)
        guard HookComparison.counters.contains(where: page.has) else {
            throw Failure(
                check: .failure(
                    Self.name,
                    "\(place) has none of \(HookComparison.counters.joined(separator: ", ")): this is not a quicprochat server",
                    fix: "set --server-metrics to the server's QPC_METRICS_LISTEN address"))
        }
        return page
    }
}

/// The server's counters, and the plugin's just before and just after.
struct ServerReading {
    var before: MetricsSnapshot
    var server: MetricsText
    var after: MetricsSnapshot

    /// The server does not serve a counter that it has never incremented.
    func counted(_ name: String) -> Double { server.sum(name) ?? 0 }

    /// Whether a counter of the server went down.
    func hasRestarted(since begin: ServerReading) -> Bool {
        HookComparison.counters.contains { counted($0) < begin.counted($0) }
    }

    var inFlight: Double { max(0, server.sum("server_in_flight_rpcs") ?? 0) }
}

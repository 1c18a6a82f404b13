import MetricsModel
import Readings

/// One counter of the server, and the hook that should have seen the same.
///
/// A hook is called for each attempt, before the server stores and counts, and the server counts some calls separately
/// (`fetch_wait_total`, `rate_limit_hit_total`). So the plugin may well count more; if it counts less, a hook is not being
/// called.
struct HookComparison {
    var counter: String
    var hook: String
    /// What the server counts, in the plural.
    var noun: String
    var windowSeconds: Int
    /// The plugin's count of the same.
    var seen: @Sendable (MetricsSnapshot) -> UInt64

    static let counters = [
        "enqueue_total", "fetch_total", "auth_login_success_total", "auth_login_failure_total", "key_package_upload_total",
    ]

    static func all(_ windowSeconds: Int) -> [HookComparison] {
        @Sendable func failures(_ snapshot: MetricsSnapshot) -> UInt64 {
            FailureClass.allCases.reduce(0) { $0 &+ snapshot.counters[CounterIndex.authFailures($1)] }
        }
        func make(
            _ counter: String, _ hook: String, _ noun: String, _ seen: @escaping @Sendable (MetricsSnapshot) -> UInt64
        ) -> HookComparison {
            HookComparison(counter: counter, hook: hook, noun: noun, windowSeconds: windowSeconds, seen: seen)
        }
        return [
            // It is not documented whether the server counts a batch's messages here, and also calls the first hook for them.
            make("enqueue_total", "on_message_enqueue", "messages") {
                $0.counters[CounterIndex.events(.messageEnqueue)] &+ $0.counters[CounterIndex.events(.batchEnqueue)]
            },
            make("fetch_total", "on_fetch", "fetches") { $0.counters[CounterIndex.calls(.fetch)] },
            make("auth_login_success_total", "on_auth", "successful logins") {
                let calls = $0.counters[CounterIndex.calls(.auth)]
                return calls - min(calls, failures($0))
            },
            make("auth_login_failure_total", "on_auth", "failed logins") { failures($0) },
            make("key_package_upload_total", "on_user_registered", "key package uploads") {
                $0.counters[CounterIndex.calls(.userRegistered)]
            },
        ]
    }

    private var name: String { counter }

    func check(_ begin: ServerReading, _ end: ServerReading) -> Check {
        counter == "key_package_upload_total" ? registrations(begin, end) : comparison(begin, end)
    }

    private func comparison(_ begin: ServerReading, _ end: ServerReading) -> Check {
        let server = end.counted(counter) - begin.counted(counter)
        // From just before the server's first reading to just after its last: every call in the server's window is also in this
        // one.
        let plugin = Double(seen(end.after)) - Double(seen(begin.before))
        // A call's hook can fall on one side of a reading and the server's count on the other.
        let slack = max(2, begin.inFlight, end.inFlight, server / 100)
        if server == 0 && plugin == 0 { return quiet(end) }
        let numbers = "in \(windowSeconds) s the server counted \(count(server)) \(noun), the plugin \(count(plugin))"
        if plugin <= 0 && server > 0 { return .failure(name, "\(numbers): \(hook) is not called", fix: remedy) }
        if plugin + slack < server {
            return .failure(name, "\(numbers): \(hook) is not called for every one", fix: remedy)
        }
        if hook == "on_message_enqueue", end.after.counters[CounterIndex.calls(.messageEnqueue)] == 0 {
            return .warning(
                name, "\(numbers), all in batches: \(hook) was never called",
                fix: "QPC_METRICS_PLUGIN_MESSAGE_HOOK=on, unless all clients send batches only")
        }
        if server == 0 && plugin > slack {
            return .warning(
                name, "\(numbers): are these the metrics of that server?",
                fix: "set --server-metrics to the QPC_METRICS_LISTEN address of the server that has the plugin")
        }
        return .ok(name, "\(numbers): \(hook) is called")
    }

    /// Nothing happened in the window. Earlier traffic still tells something, as the plugin's counters are never younger than the
    /// server's.
    private func quiet(_ end: ServerReading) -> Check {
        let server = end.counted(counter)
        let plugin = Double(seen(end.after))
        let numbers = "since its start the server counted \(count(server)) \(noun), the plugin \(count(plugin)) in total"
        if server == 0 {
            return .notChecked(name, "the server has counted no \(noun) yet", fix: "run doctor again when there is traffic")
        }
        if plugin == 0 { return .failure(name, "\(numbers): \(hook) is not called", fix: remedy) }
        if plugin < server {
            return .warning(name, "\(numbers), and none in the last \(windowSeconds) s", fix: longer)
        }
        return .ok(name, "\(numbers): \(hook) is called")
    }

    /// No hook sees key packages. A user uploads some when registering, and more later; so the only suspicious case is uploads
    /// without a single registration ever.
    private func registrations(_ begin: ServerReading, _ end: ServerReading) -> Check {
        let uploads = end.counted(counter)
        let plugin = Double(seen(end.after))
        if plugin > 0 {
            return .ok(name, "the plugin has counted \(count(plugin)) registrations: \(hook) is called")
        }
        if uploads == 0 {
            return .notChecked(name, "no uploads or registrations so far", fix: "run doctor again when a user has registered")
        }
        return .notChecked(
            name,
            "the server counted \(count(uploads)) \(noun), the plugin no registration; earlier users may have sent them",
            fix: "register a user and run doctor again: \(hook) must then be counted")
    }

    private var remedy: String {
        "check that the plugin is in this server's --plugin-dir, and that QPC_METRICS_PLUGIN_DIR is this directory"
            + (hook == "on_message_enqueue" ? ", and that QPC_METRICS_PLUGIN_MESSAGE_HOOK is not off" : "")
    }

    private var longer: String { "run doctor again with a longer --window, when there is traffic" }

    private func count(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

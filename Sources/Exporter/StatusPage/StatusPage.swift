import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// The page at `/`: what is wrong, what is happening now, and what happened in the last hour, day, week or month. Rendered here,
/// without scripts, and from numbers alone: no event's text ever reaches it.
struct StatusPage: Sendable {
    let telemetryPath: String
    /// The data directory, as an absolute path, and the machine it is on.
    let directory: String
    let host: String

    /// What the client asked for: `/?range=24h&refresh`.
    struct Request: Sendable {
        var span = TrafficHistory.Span.hour
        var isRefreshing = false

        init(query: String) {
            for part in query.split(separator: "&") {
                if part == "refresh" { isRefreshing = true }
                if part.hasPrefix("range="), let span = TrafficHistory.Span(rawValue: String(part.dropFirst(6))) {
                    self.span = span
                }
            }
        }

        private init(span: TrafficHistory.Span, isRefreshing: Bool) {
            self.span = span
            self.isRefreshing = isRefreshing
        }

        func with(span: TrafficHistory.Span) -> Request { Request(span: span, isRefreshing: isRefreshing) }
        func with(refreshing: Bool) -> Request { Request(span: span, isRefreshing: refreshing) }

        /// The URL, escaped as the value of an attribute.
        var address: String {
            let parts = (span == .hour ? [] : ["range=\(span.rawValue)"]) + (isRefreshing ? ["refresh"] : [])
            return parts.isEmpty ? "/" : "/?" + parts.joined(separator: "&amp;")
        }
    }

    static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src \(HTMLText.policyHash(StatusStyle.css)); img-src data:; base-uri 'none'; "
                + "form-action 'none'; frame-ancestors 'none'"
        ),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]

    func render(_ reading: SnapshotSource.Reading, _ log: TrafficQuestions.Answer, _ request: Request) -> String {
        let seconds = Int(Clock.realtimeNanoseconds() / 1_000_000_000)
        let state = state(reading)
        let refresh =
            request.isRefreshing
            ? "Refreshes every 30 seconds; <a href=\"\(request.with(refreshing: false).address)\">stop</a>."
            : "<a href=\"\(request.address)\">Refresh</a>, or "
                + "<a href=\"\(request.with(refreshing: true).address)\">every 30 seconds</a>."
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>\(state.short): qpc-metrics on \(HTMLText.escaped(host))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            \(request.isRefreshing ? "<meta http-equiv=\"refresh\" content=\"30\">\n" : "")<style>\(StatusStyle.css)</style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to content</a>
            <header>
            <h1>quicprochat on \(HTMLText.escaped(host))</h1>
            <p class="note">As of <time datetime="\(Clock.timestamp())">\(Clock.readable(seconds: seconds))</time>. \(refresh)</p>
            </header>
            <main id="main">
            <p class="state \(state.style)" role="status">\(state.text)</p>
            \(problems(log.problems, reading))<h2>Now</h2>
            \(StatusFacts.now(reading, log.history))
            <h2>\(Self.title(request.span))</h2>
            <nav aria-label="Time range"><ul>\(ranges(request))</ul></nav>
            \(window(log, request.span, isOff: !reading.snapshot.keepsRows))
            <h2>Since the counters began</h2>
            \(StatusFacts.totals(reading))
            <h2 id="endpoints">Endpoints</h2>
            \(endpoints)
            </main>
            <footer>qpc-metrics \(Version.current), <span class="path">\(HTMLText.escaped(directory))</span></footer>
            </body>
            </html>

            """
    }

    private func state(_ reading: SnapshotSource.Reading) -> (text: String, short: String, style: String) {
        if !reading.hasRun {
            return ("No plugin has run in \(HTMLText.escaped(directory)) yet.", "Not started", "wait")
        }
        let before = "Its last values are shown below."
        switch reading.snapshot.plugin {
        case .up:
            let now = Clock.realtimeNanoseconds()
            let age = (now - min(now, reading.snapshot.startNanoseconds)) / 1_000_000_000
            return ("✓ The plugin has been up for \(Quantity.age(seconds: age)).", "Up", "up")
        case .stuck(let pid): return ("✕ The plugin is stuck: process \(pid) has no heartbeat.", "Stuck", "down")
        case .stopped where reading.snapshot.recoveredMicroseconds > 0:
            return ("✕ The plugin is down: its server died, and its events were recovered. \(before)", "Down", "down")
        case .stopped: return ("✕ The plugin is down: it was shut down. \(before)", "Down", "down")
        case .died: return ("✕ The plugin is down: its server died. \(before)", "Down", "down")
        case .neverRan: return ("✕ The plugin is down. \(before)", "Down", "down")
        }
    }

    /// What is wrong, and what to do about it; empty when all is well.
    private func problems(_ problems: [Status.Problem], _ reading: SnapshotSource.Reading) -> String {
        guard reading.hasRun, !problems.isEmpty else { return "" }
        let items = problems.map { problem in
            let words = HTMLText.escaped(ProblemText.words(problem, zone: .utc))
            let runbook = ProblemText.runbook(problem).map { " <span class=\"note\">Runbook: \($0)</span>" } ?? ""
            return "<li>\(words.prefix(1).uppercased() + words.dropFirst()).\(runbook)</li>"
        }
        return "<h2>Problems</h2>\n<ul class=\"notes\">\(items.joined())</ul>\n"
    }

    private static func title(_ span: TrafficHistory.Span) -> String {
        switch span {
        case .hour: "The last hour"
        case .day: "The last 24 hours"
        case .week: "The last 7 days"
        case .month: "The last 30 days"
        }
    }

    private func ranges(_ request: Request) -> String {
        TrafficHistory.Span.allCases.map { span in
            let name = span == .hour ? "1 hour" : Self.title(span).dropFirst("The last ".count)
            return span == request.span
                ? "<li><span aria-current=\"page\">\(name)</span></li>"
                : "<li><a href=\"\(request.with(span: span).address)\">\(name)</a></li>"
        }.joined()
    }

    // MARK: A window of the log

    private func window(_ log: TrafficQuestions.Answer, _ span: TrafficHistory.Span, isOff: Bool) -> String {
        guard let history = log.history else {
            return "<p class=\"note\">\(HTMLText.escaped(log.obstacle ?? "The event log has not been read yet."))</p>"
        }
        if isOff, history.stats.log == nil {
            return "<p class=\"note\">No history: \(Settings.logIsOff). The counters below, and every metric, go on.</p>"
        }
        let reach: String
        if let extent = history.stats.log, extent.oldest > history.since {
            reach = "The log begins at \(Clock.readable(seconds: Int(extent.oldest / 1_000_000)))."
        } else {
            reach = history.stats.log == nil ? "The log is empty." : ""
        }
        return """
            <p class="note">\(isOff ? "The event log is off (QPC_METRICS_PLUGIN_LOG=off): this is what it holds from before" : "From the event log"). Times are UTC; each point is \(Self.length(span.stepSeconds)). \(reach)</p>
            \(StatusFacts.window(history))
            <div class="charts">
            \(charts(history))</div>
            \(StatusFacts.tables(history))
            """
    }

    private static func length(_ seconds: Int64) -> String {
        seconds < 3600 ? (seconds == 60 ? "one minute" : "\(seconds / 60) minutes") : "\(seconds / 3600) hours"
    }

    private func charts(_ history: TrafficHistory) -> String {
        let step = Double(history.span.stepSeconds)
        func rates(per seconds: Double, _ value: (TrafficHistory.Step) -> Int64) -> [Double?] {
            // A step with little data would show a rate made of a few events; if it is the only one, it is better than none.
            let isOnly = history.steps.count { $0.seconds > 0 } <= 1
            return history.steps.map {
                $0.seconds >= (isOnly ? 0.1 : step / 10) ? Double(value($0)) / $0.seconds * seconds : nil
            }
        }
        func chart(_ id: String, _ title: String, _ unit: String, _ lines: [StatusChart.Line]) -> String {
            StatusChart(
                id: id, title: title, unit: unit, lines: lines, endSeconds: Int(history.until / 1_000_000),
                spanSeconds: Int(history.span.seconds)
            ).html
        }
        let drops = history.steps.map { $0.seconds > 0 || $0.dropped > 0 ? Double($0.dropped) : nil }
        return chart("messages", "Messages", "per second", [.init(name: "Messages", values: rates(per: 1) { $0.messages })])
            + chart(
                "logins", "Logins", "per minute",
                [
                    .init(name: "Attempts", values: rates(per: 60) { $0.logins }),
                    .init(name: "Failures", values: rates(per: 60) { $0.failedLogins }),
                ])
            + chart("fetches", "Fetches", "per second", [.init(name: "Fetches", values: rates(per: 1) { $0.fetches })])
            + chart("dropped", "Dropped", "events", [.init(name: "Dropped", kind: .sum, values: drops)])
    }

    private var endpoints: String {
        let path = HTMLText.escaped(telemetryPath)
        return """
            <table aria-labelledby="endpoints">
            <thead><tr><th scope="col">Path</th><th scope="col">Content</th></tr></thead>
            <tbody>
            <tr><th scope="row"><a href="\(path)"><code>\(path)</code></a></th><td>every metric, for Prometheus</td></tr>
            <tr><th scope="row"><a href="/-/healthy"><code>/-/healthy</code></a></th><td>200 while the exporter runs</td></tr>
            <tr><th scope="row"><a href="/-/ready"><code>/-/ready</code></a></th><td>200 while it can read the data directory</td></tr>
            </tbody></table>
            """
    }
}

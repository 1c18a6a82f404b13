import MetricsModel
import Terminal

/// The page at `/`: is the plugin up, what happened in the last hour, what is lost or late. Made here, without scripts,
/// and from counters alone: no event's text ever comes near it.
struct StatusPage: Sendable {
    let telemetryPath: String

    static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src \(HTMLText.policyHash(StatusStyle.css)); img-src data:; base-uri 'none'; "
                + "form-action 'none'; frame-ancestors 'none'"
        ),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]

    private static let spanSeconds = 3600
    /// Each chart's points: half a minute each.
    private static let parts = 120

    func render(_ reading: SnapshotSource.Reading, _ history: History, refreshing: Bool) -> String {
        let seconds = Int(Clock.realtimeNanoseconds() / 1_000_000_000)
        let state = state(reading)
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>\(state.short): qpc-metrics</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            \(refreshing ? "<meta http-equiv=\"refresh\" content=\"30\">\n" : "")<style>\(StatusStyle.css)</style>
            </head>
            <body>
            <a class="skip" href="#main">To the content</a>
            <header>
            <h1>quicprochat server metrics</h1>
            <p class="note">As of <time datetime="\(Clock.timestamp())">\(Clock.readable(seconds: seconds))</time>.
            \(refreshing
                ? "Refreshes every 30 seconds; <a href=\"/\">stop that</a>."
                : "<a href=\"/\">Refresh</a>, or <a href=\"/?refresh\">every 30 seconds</a>.")</p>
            </header>
            <main id="main">
            <p class="state \(state.style)" role="status">\(state.text)</p>
            \(notes(reading))<h2>Now</h2>
            \(facts(reading, history))
            <h2>The last hour</h2>
            <p class="note">Half a minute a point; times are UTC.</p>
            <div class="charts">
            \(charts(history, seconds))</div>
            <h2 id="endpoints">Endpoints</h2>
            \(endpoints)
            </main>
            <footer>qpc-metrics \(Version.current)</footer>
            </body>
            </html>

            """
    }

    private func state(_ reading: SnapshotSource.Reading) -> (text: String, short: String, style: String) {
        if !reading.hasRun {
            return ("No plugin has run in the data directory yet.", "Not started", "wait")
        }
        switch reading.snapshot.plugin {
        case .up:
            let now = Clock.realtimeNanoseconds()
            let age = (now - min(now, reading.snapshot.startNanoseconds)) / 1_000_000_000
            return ("✓ The plugin is up, for \(Quantity.age(seconds: age)).", "Up", "up")
        case .stuck(let pid): return ("✕ The plugin is stuck: process \(pid) has no heartbeat.", "Stuck", "down")
        case .stopped: return ("✕ The plugin is down: it was shut down. Below are its last values.", "Down", "down")
        case .died: return ("✕ The plugin is down: its server died. Below are its last values.", "Down", "down")
        case .neverRan: return ("✕ The plugin is down. Below are its last values.", "Down", "down")
        }
    }

    /// What an operator should know; nothing when all is well.
    private func notes(_ reading: SnapshotSource.Reading) -> String {
        var notes: [String] = []
        if reading.logTrouble != 0 {
            notes.append("The event log cannot be written: SQLite's code \(reading.logTrouble). The server's log says more.")
        }
        for cause in DropCause.allCases {
            let count = EventKind.allCases.reduce(UInt64(0)) {
                $0 &+ reading.snapshot.counters[CounterIndex.dropped($1, cause)]
            }
            guard count > 0 else { continue }
            notes.append(
                "\(Quantity.count(count, "event")) \(count == 1 ? "was" : "were") dropped since the counters began: "
                    + "\(Self.words(cause)).")
        }
        let lastDrop = reading.snapshot.lastDropMicroseconds
        if lastDrop > 0 {
            let age = Clock.realtimeNanoseconds() / 1_000_000_000
            let second = lastDrop / 1_000_000
            notes.append(
                "The last drop was \(Quantity.age(seconds: max(age, second) - second)) ago, at "
                    + "\(Clock.readable(seconds: Int(clamping: second))).")
        }
        guard !notes.isEmpty else { return "" }
        return "<ul class=\"notes\">\(notes.map { "<li>\($0)</li>" }.joined())</ul>\n"
    }

    private static func words(_ cause: DropCause) -> String {
        switch cause {
        case .ringFull: "a ring was full"
        case .noSlot: "there were too many threads"
        case .logError: "the log could not take them, or was lost"
        case .torn: "a power cut or damage took them"
        }
    }

    private func facts(_ reading: SnapshotSource.Reading, _ history: History) -> String {
        let snapshot = reading.snapshot
        let counters = snapshot.counters
        let messages =
            counters[CounterIndex.events(.messageEnqueue)] &+ counters[CounterIndex.events(.batchEnqueue)]
        let dropped = EventKind.allCases.reduce(UInt64(0)) { $0 &+ snapshot.dropped($1) }
        var facts: [(name: String, value: String, isLong: Bool)] = []
        func add(_ name: String, _ value: String, isLong: Bool = false) { facts.append((name, value, isLong)) }
        add("Messages", Quantity.grouped(messages))
        add("Logins", Quantity.grouped(counters[CounterIndex.calls(.auth)]))
        add("Failed logins, last hour", Quantity.grouped(history.rise(of: { $0.failedLogins })))
        add("Fetches", Quantity.grouped(counters[CounterIndex.calls(.fetch)]))
        add("Channels created", Quantity.grouped(counters[CounterIndex.channelsCreated]))
        add("Users registered", Quantity.grouped(counters[CounterIndex.calls(.userRegistered)]))
        add(
            "Active users in 1 / 7 / 30 days", snapshot.activeUsers.map(Quantity.grouped).joined(separator: " / "),
            isLong: true)
        add("Events dropped", Quantity.grouped(dropped))
        add("Events pending", Quantity.grouped(snapshot.pending))
        add("Event log", Quantity.bytes(snapshot.logBytes &+ snapshot.walBytes))
        if let age = reading.heartbeatAgeNanoseconds {
            add("Last sign of life", Quantity.age(seconds: age / 1_000_000_000) + " ago")
        }
        if let oldest = snapshot.oldestEventMicroseconds, oldest > 0 {
            add("Oldest event", Clock.readable(seconds: Int(oldest / 1_000_000)), isLong: true)
        }
        if !snapshot.version.isEmpty { add("Plugin version", HTMLText.escaped(snapshot.version)) }
        return "<dl>\n"
            + facts.map {
                "<div\($0.isLong ? " class=\"long\"" : "")><dt>\($0.name)</dt><dd>\($0.value)</dd></div>\n"
            }.joined() + "</dl>"
    }

    private func charts(_ history: History, _ seconds: Int) -> String {
        let now = Double(Clock.monotonicNanoseconds()) / 1e9
        let span = Double(Self.spanSeconds)
        func rates(_ value: (History.Sample) -> UInt64, times factor: Double = 1) -> [Double?] {
            history.rates(of: value, now: now, span: span, parts: Self.parts).map { $0.map { $0 * factor } }
        }
        func chart(_ id: String, _ title: String, _ unit: String, _ lines: [StatusChart.Line]) -> String {
            StatusChart(
                id: id, title: title, unit: unit, lines: lines, endSeconds: seconds, spanSeconds: Self.spanSeconds
            ).html
        }
        return chart("messages", "Messages", "a second", [.init(name: "Messages", values: rates { $0.messages })])
            + chart(
                "logins", "Logins", "a minute",
                [
                    .init(name: "Attempts", values: rates({ $0.logins }, times: 60)),
                    .init(name: "Failures", values: rates({ $0.failedLogins }, times: 60)),
                ])
            + chart("fetches", "Fetches", "a second", [.init(name: "Fetches", values: rates { $0.fetches })])
            + chart(
                "lag", "Pending and dropped", "events",
                [
                    .init(
                        name: "Pending", kind: .peak,
                        values: history.peaks(of: { $0.pending }, now: now, span: span, parts: Self.parts)),
                    .init(
                        name: "Dropped", kind: .sum,
                        values: history.rises(of: { $0.dropped }, now: now, span: span, parts: Self.parts)),
                ])
    }

    private var endpoints: String {
        let path = HTMLText.escaped(telemetryPath)
        return """
            <table aria-labelledby="endpoints">
            <thead><tr><th scope="col">Path</th><th scope="col">What it has</th></tr></thead>
            <tbody>
            <tr><th scope="row"><a href="\(path)"><code>\(path)</code></a></th><td>every metric, for Prometheus</td></tr>
            <tr><th scope="row"><a href="/-/healthy"><code>/-/healthy</code></a></th><td>200 while the exporter runs</td></tr>
            <tr><th scope="row"><a href="/-/ready"><code>/-/ready</code></a></th><td>200 while it can read the data directory</td></tr>
            </tbody></table>
            """
    }
}

import EventDrain
import EventLog
import EventOutput
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import PrometheusText
import Readings
import Terminal

/// What the demo shows, on one screen: a day with an attack in it, a kill, the proof, the metrics, and how to go on.
struct DemoStory {
    let directory: String
    let plugin: String
    let threads: Int
    let events: Int
    let seed: UInt64

    private var source: DataSource { DataSource(directory: directory) }

    func tell() throws {
        try day()
        try attack()
        try kill()
        try metrics()
        try goOn()
    }

    private func say(_ text: String) throws { try StandardOutput.write(text + "\n") }
    private func tell(_ text: String) throws { try say(Prose.wrapped(text, columns: StandardOutput.columns)) }
    private func title(_ text: String) throws {
        try say("\n" + Prose.wrapped("── \(text)", columns: StandardOutput.columns, indent: 3))
    }
    private func command(_ text: String) throws { try say("\n$ qpc-metrics \(text)") }

    private func openLog() throws -> EventLogReader {
        try querying { () throws(DataSourceError) in try source.requiredLog() }
    }

    // MARK: A day

    private func day() throws {
        let now = Environment.nowMicroseconds
        let count: Int
        do {
            count = try DemoDay.write(into: directory, seed: seed, now: now, zone: .local)
        } catch {
            throw Failure(Failure.somethingWrong, "cannot create the demo's log in \(directory): \(error)")
        }
        try title(
            "A day of a small server: \(Quantity.count(UInt64(count), "event")), and somebody guessing passwords at 03:00")
        let log = try openLog()
        let resolver = TermResolver(directory: directory)
        let victim = resolver.user(DemoDay.victim).pseudonyms.first ?? []
        let pseudonym = victim.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        try tell("The log has no names. \(DemoDay.victim) is \(pseudonym) in it; only someone with identity.key can tell.")
        try command("stats --top 3")
        let query = StatsQuery(since: now - 86_400_000_000, until: now, unit: .hour, top: 3, now: now, zone: .local)
        let stats = try queryingLog { () throws(LogError) in try query.ask(log) }
        let buffer = OutputBuffer()
        let options = TableOptions(for: buffer, color: .auto, environment: Environment.value)
        try printing { () throws(OutputError) in
            try StatsTable(stats, options: options, width: min(100, TerminalSize.of().columns), top: 3).write(into: buffer)
            try buffer.flush()
        }
    }

    private func attack() throws {
        try command("events --failed --user \(DemoDay.victim) -n 4")
        var filter = EventFilter()
        filter.failedOnly = true
        filter.user = TermResolver(directory: directory).user(DemoDay.victim)
        filter.newest = 4
        try EventPrinter(format: .table).print(filter, from: openLog())
    }

    // MARK: A kill

    private func kill() throws {
        try title("A server with \(Quantity.count(UInt64(threads), "thread")), killed with SIGKILL while it works")
        let before = try EventKind.allCases.reduce(UInt64(0)) { try $0 + snapshot().recorded($1) }
        let server = try DemoServer(plugin: plugin, directory: directory, threads: threads, seed: seed, pause: 20)
        DemoPlace.server = server.pid
        try server.wait(for: events)
        server.kill()
        DemoPlace.server = 0
        let returned = UInt64(server.events)
        try say("\(Quantity.count(returned, "event")) recorded when it died, by its own count")

        try command("recover")
        try StandardOutput.write(RecoverCommand.recover(directory: directory))
        try command("verify")
        let ledger = try querying { () throws(DataSourceError) in try Ledger.prove(source) }
        let found = try snapshot()
        func sum(_ count: (EventKind) -> UInt64) -> UInt64 { EventKind.allCases.reduce(0) { $0 &+ count($1) } }
        let (recorded, inLog, dropped) = (sum(found.recorded), sum(found.inLog), sum(found.dropped))
        try say(
            "ledger: \(ledger.isExact ? "exact" : "NOT exact"), log: \(ledger.problems.isEmpty ? "sound" : "DAMAGED")\n"
                + "\(Quantity.grouped(before)) of the day + \(Quantity.grouped(recorded &- before)) of this server = "
                + "\(Quantity.grouped(inLog)) in the log + \(Quantity.grouped(dropped)) dropped")
        // A thread that dies between its hook's last store and its own count has recorded more than it says: one call per thread.
        let mostOfACall: UInt64 = 24
        guard ledger.isExact, ledger.problems.isEmpty, recorded == inLog &+ dropped, recorded &- before >= returned,
            recorded &- before <= returned + UInt64(threads) * mostOfACall
        else { throw Failure(Failure.somethingWrong, "the log and the counters differ from what the server recorded") }
    }

    private func snapshot() throws -> MetricsSnapshot {
        try querying { () throws(DataSourceError) in try SnapshotReader.read(source) }
    }

    // MARK: Prometheus, and what to do next

    private func metrics() throws {
        try command("prometheus")
        let text = String(decoding: PrometheusEncoder().encode(Exposition(snapshot: try snapshot())), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let wanted = [
            "qpc_up", "qpc_hook_calls_total", "qpc_auth_failures_total{reason=\"c",
            "qpc_plugin_events_dropped_total{kind=\"auth\",cause=\"ring",
        ]
        let shown = lines.filter { line in wanted.contains { line.hasPrefix($0) } }.prefix(12)
        for line in shown { try say(String(line)) }
        try say("… \(Quantity.count(UInt64(lines.count - shown.count), "line")) more")
    }

    private func goOn() throws {
        try title("Try it yourself")
        try say(
            """
            export \(DirectoryOptions.variable)=\(directory)
            qpc-metrics count --by user --failed --top 3
            qpc-metrics events --failed --since -1d
            qpc-metrics serve                       # http://127.0.0.1:10120/
            qpc-metrics privacy-report
            rm -r \(directory)    # when you are done
            """)
    }
}

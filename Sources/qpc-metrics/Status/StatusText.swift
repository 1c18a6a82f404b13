import EventLog
import Exporter
import MetricsModel
import MetricsQuery
import Readings
import Terminal
import TimeWords

/// The status for people and, as one JSON object, for programs.
struct StatusText {
    let status: Status
    let shippers: [ShipmentFinding]
    private var snapshot: MetricsSnapshot { status.snapshot }

    init(_ status: Status, shippers: [ShipmentFinding]) {
        self.status = status
        self.shippers = shippers
    }

    private func sum(_ count: (EventKind) -> UInt64) -> UInt64 { EventKind.allCases.reduce(0) { $0 &+ count($1) } }

    private func dropped(_ cause: DropCause) -> UInt64 {
        sum { snapshot.counters[CounterIndex.dropped($0, cause)] }
    }

    /// - Parameter columns: what the lines have to fit; nil for lines of any width.
    func text(columns: Int?) -> String {
        var lines = [
            ("plugin", plugin),
            ("identities", snapshot.identities.name + (snapshot.sealsKeys ? ", keys sealed to the operator's key" : "")),
        ]
        if let readsTickCounter = status.readsTickCounter {
            let ticks = "the CPU's tick counter"
            let calls = "clock_gettime, since this CPU has no constant-rate tick counter; a hook takes about 20 ns longer"
            lines.append(("clock", readsTickCounter ? ticks : calls))
        }
        lines.append(("events", events))
        for cause in DropCause.allCases where dropped(cause) > 0 {
            lines.append(("", "\(Quantity.grouped(dropped(cause))) dropped: \(cause.name)"))
        }
        if snapshot.lastDropMicroseconds > 0 {
            lines.append(("last drop", Self.second(Int64(clamping: snapshot.lastDropMicroseconds))))
        }
        if !snapshot.measuresMessages {
            lines.append(("messages", "\(Settings.messagesAreNotMeasured), except those of batches"))
        }
        if snapshot.recipientsWaiting > 0 {
            let longest = Quantity.age(seconds: snapshot.oldestWaitMicroseconds / 1_000_000)
            let recipients = Quantity.count(snapshot.recipientsWaiting, "recipient")
            lines.append(("waiting", "\(recipients) with messages not yet fetched, longest wait \(longest)"))
        }
        if let rings = status.rings {
            let lag = Quantity.duration(nanoseconds: status.lagNanoseconds / 1_000_000 * 1_000_000)
            let fullest = Int((rings.fullest * 100).rounded())
            let count = Quantity.count(UInt64(rings.waitingBytes.count), "ring")
            lines.append(("lag", "\(lag), \(count) of \(Quantity.bytes(UInt64(rings.ringBytes))), the fullest \(fullest) % full"))
        }
        if let path = status.livePath { lines.append(("live file", VisibleText.escaped(path))) }
        lines.append(("log", log))
        lines += shippers.map { ("shipper", $0.line) }
        if let settings = status.settings {
            let age = settings.retentionNanoseconds.map(Quantity.exact) ?? "no age limit"
            let size = settings.maxLogBytes.map { ", at most \(Quantity.bytes($0))" } ?? ", no size limit"
            let reach = status.sizeReachNanoseconds.map { ": at this rate \(Quantity.age(seconds: $0 / 1_000_000_000))" } ?? ""
            lines.append(("keeps", age + size + reach))
        }
        if let settings = status.settings {
            let words = settings.words.map { "\($0.name)=\($0.value)" }
            lines.append(("settings", words.prefix(4).joined(separator: " ")))
            lines.append(("", words.dropFirst(4).joined(separator: " ")))
        }
        if !snapshot.version.isEmpty, snapshot.version != Version.current {
            let differ = "the plugin is \(snapshot.version), this command \(Version.current)"
            lines.append(("versions", differ + ": install one version of both, and restart the server when it suits you"))
        }
        let facts = lines.map { name, value in
            let line = name + String(repeating: " ", count: 12 - name.utf8.count) + value
            return Prose.wrapped(line, columns: columns, indent: 12) + "\n"
        }
        let listed = problems.map { Prose.wrapped("  \($0)", columns: columns, indent: 4) + "\n" }
        let end = listed.isEmpty ? ["no problems\n"] : ["problems:\n"] + listed
        return (facts + end).joined()
    }

    private static func second(_ microseconds: Int64) -> String {
        String(LocalTime.text(microseconds, zone: .local).prefix(19))
    }

    private var plugin: String {
        // Whoever recovers the events marks the file as stopped, once they are in the log.
        let isRecovered = snapshot.plugin == .stopped && snapshot.recoveredMicroseconds > 0
        var text =
            (isRecovered ? "died, recovered since" : snapshot.plugin.name) + (snapshot.plugin.pid.map { ", process \($0)" } ?? "")
        if !snapshot.version.isEmpty { text += ", version \(snapshot.version)" }
        if snapshot.startNanoseconds != 0 {
            text += ", started " + Self.second(Int64(snapshot.startNanoseconds / 1000))
        }
        return text
    }

    private var events: String {
        [
            (sum(snapshot.recorded), "recorded"), (sum(snapshot.inLog), "in the log"), (snapshot.pending, "pending"),
            (sum(snapshot.dropped), "dropped"), (sum(snapshot.removed), "removed"),
        ].map { "\(Quantity.grouped($0)) \($1)" }.joined(separator: ", ")
    }

    private var log: String {
        let oldest = snapshot.oldestEventMicroseconds.map { ", oldest event " + Self.second($0) } ?? ""
        let sizes = "\(Quantity.bytes(snapshot.logBytes)), WAL \(Quantity.bytes(snapshot.walBytes))" + oldest
        guard snapshot.keepsRows else {
            let older = sum(snapshot.inLog)
            let left =
                older == 0
                ? "" : "; \(Quantity.count(older, "event")) from before \(older == 1 ? "stays" : "stay") until retention or prune"
            return "\(Settings.logIsOff): events are counted, and none is kept\(left); \(sizes)"
        }
        return sizes
    }

    var json: [UInt8] {
        var fields: [(String, JSON)] = [("plugin", .text(snapshot.plugin.name))]
        func add(_ key: String, _ value: JSON) { fields.append((key, value)) }
        if let pid = snapshot.plugin.pid { add("pid", .number(pid)) }
        add("version", .text(snapshot.version))
        add("command_version", .text(Version.current))
        if snapshot.recoveredMicroseconds > 0 { add("recovered", .time(Int64(clamping: snapshot.recoveredMicroseconds))) }
        if snapshot.startNanoseconds != 0 { add("started", .time(Int64(snapshot.startNanoseconds / 1000))) }
        add("identities", .text(snapshot.identities.name))
        if snapshot.sealsKeys { add("keys_sealed", .bool(true)) }
        if let ticks = status.readsTickCounter { add("clock", .text(ticks ? "ticks" : "clock_gettime")) }
        add("recorded", .number(sum(snapshot.recorded)))
        add("in_log", .number(sum(snapshot.inLog)))
        add("pending", .number(snapshot.pending))
        add("dropped", .object(DropCause.allCases.map { ($0.name, .number(dropped($0))) }))
        if snapshot.lastDropMicroseconds > 0 { add("last_drop", .time(Int64(clamping: snapshot.lastDropMicroseconds))) }
        add("removed", .number(sum(snapshot.removed)))
        let windows = zip(["1d", "7d", "30d"], snapshot.activeUsers)
        add("active_users", .object(windows.map { ($0, .number($1)) }))
        add("recipients_waiting", .number(snapshot.recipientsWaiting))
        add("oldest_waiting_seconds", .seconds(nanoseconds: snapshot.oldestWaitMicroseconds &* 1000))
        if !snapshot.failingUsers.isEmpty {
            let counts = zip(["5m", "1h"], snapshot.failingUsers).map { ($0, JSON.number($1)) }
            add("failing_users", .object(counts))
        }
        if let rings = status.rings {
            add("lag_seconds", .seconds(nanoseconds: status.lagNanoseconds))
            add("rings", .number(rings.waitingBytes.count))
            add("ring_bytes", .number(rings.ringBytes))
            add("fullest_ring_bytes", .number(rings.waitingBytes.max() ?? 0))
        }
        add("log_bytes", .number(snapshot.logBytes))
        add("wal_bytes", .number(snapshot.walBytes))
        if let retention = status.settings?.retentionNanoseconds { add("retention_seconds", .seconds(nanoseconds: retention)) }
        if let limit = status.settings?.maxLogBytes { add("max_log_bytes", .number(limit)) }
        if let reach = status.sizeReachNanoseconds { add("size_reach_seconds", .seconds(nanoseconds: reach)) }
        if let settings = status.settings {
            add("settings", .object(settings.words.map { ($0.name, .text($0.value)) }))
        }
        if let oldest = snapshot.oldestEventMicroseconds { add("oldest_event", .time(oldest)) }
        if let path = status.livePath { add("live_file", .text(path)) }
        if !shippers.isEmpty { add("shippers", .array(shippers.map(\.json))) }
        add("flush_error", .number(status.flushTrouble))
        add("ok", .bool(status.problems.isEmpty))
        add("problems", .array(problems.map(JSON.text)))
        return JSON.object(fields).line
    }

    // MARK: Problems

    /// What is wrong, and what to do about it.
    private var problems: [String] { status.problems.map { ProblemText.words($0, zone: .local) } }
}

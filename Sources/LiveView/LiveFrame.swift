import MetricsModel
import Terminal

/// One screen of `top`, made from the last few minutes and the user's choices. Does no I/O.
public struct LiveFrame: Sendable {
    /// The windows that rates are computed over, in seconds.
    public static let windows = [1, 10, 60, 300]

    public var columns: Int
    public var rows: Int
    /// The data directory's path, safe for a terminal.
    public var directory: String
    public var window = 1
    public var scroll = 0
    public var isPaused = false
    public var showsHelp = false
    /// Whether there are keys to press; false for a single frame in a pipe.
    public var hasKeys = true
    /// Nil until the log has been asked.
    public var people: LivePeople?

    public init(columns: Int, rows: Int, directory: String) {
        self.columns = columns
        self.rows = rows
        self.directory = directory
    }

    private var seconds: Int { Self.windows[window] }
    private static let headerRows = 2

    /// At most `rows` lines, none wider than `columns`.
    public func lines(_ history: LiveHistory, palette: Palette) -> [String] {
        guard let sample = history.latest else { return [] }
        var lines = header(sample, history)
        let body = showsHelp ? Self.help : self.body(sample, history)
        let room = max(0, rows - lines.count - (hasKeys ? 1 : 0))
        let first = min(scroll, max(0, body.count - room))
        lines += body.dropFirst(first).prefix(room)
        if hasKeys {
            while lines.count < rows - 1 { lines.append(FrameLine()) }
            lines.append(footer(hidden: body.count - room, first: first))
        }
        return lines.prefix(rows).map { $0.text(width: columns, palette: palette) }
    }

    /// How far the body can be scrolled.
    public func scrollLimit(_ history: LiveHistory) -> Int {
        guard let sample = history.latest else { return 0 }
        let body = showsHelp ? Self.help : self.body(sample, history)
        return max(0, body.count - max(0, rows - Self.headerRows - 1))
    }

    private func header(_ sample: LiveSample, _ history: LiveHistory) -> [FrameLine] {
        let snapshot = sample.snapshot
        var first = FrameLine("qpc-metrics ", .heading)
        func since(_ nanoseconds: UInt64) -> String {
            Quantity.age(seconds: (max(sample.nowNanoseconds, nanoseconds) - nanoseconds) / 1_000_000_000)
        }
        switch snapshot.plugin {
        case .up: first.add("up \(since(snapshot.startNanoseconds))", .good)
        case .stuck: first.add("STUCK for \(since(sample.heartbeatNanoseconds))", .bad)
        case .stopped where snapshot.recoveredMicroseconds > 0:
            first.add("DOWN, died \(since(sample.heartbeatNanoseconds)) ago, recovered since", .bad)
        case .stopped: first.add("DOWN, shut down \(since(sample.heartbeatNanoseconds)) ago", .bad)
        case .died: first.add("DOWN, died \(since(sample.heartbeatNanoseconds)) ago", .bad)
        case .neverRan: first.add("DOWN, waiting for a plugin", .bad)
        }
        if isPaused { first.add(" PAUSED", .bad) }
        if let pid = snapshot.plugin.pid { first.add("  pid \(pid)") }
        if !snapshot.version.isEmpty { first.add("  v\(snapshot.version)") }
        first.add("  \(directory)", .dim)

        let dropped = EventKind.allCases.reduce(0) { $0 &+ snapshot.dropped($1) }
        let events = EventKind.allCases.reduce(0.0) { $0 + history.rate(CounterIndex.events($1), seconds: seconds) }
        var second = FrameLine("\(Quantity.shortRate(events)) events/s", .heading)
        // The worst comes first, as a narrow terminal cuts off the rest.
        if dropped > 0 { second.add("  dropped \(Quantity.short(Double(dropped)))", .bad) }
        second.add("  pending \(Quantity.short(Double(snapshot.pending)))")
        let lag = sample.lagNanoseconds
        second.add(
            "  lag " + (Quantity.duration(nanoseconds: lag / 1_000_000 * 1_000_000)), lag > 2_000_000_000 ? .bad : .plain)
        if dropped == 0 { second.add("  dropped 0") }
        let sizes = "\(Quantity.bytes(snapshot.logBytes)), WAL \(Quantity.bytes(snapshot.walBytes))"
        second.add("  log " + (snapshot.keepsRows ? sizes : "off"))
        return [first, second]
    }

    private func footer(hidden: Int, first: Int) -> FrameLine {
        var line = FrameLine("q", .heading)
        line.add(" quit ")
        line.add("space", .heading)
        line.add(isPaused ? " resume " : " pause ")
        line.add("←→", .heading)
        line.add(" \(Self.name(seconds)) ")
        if hidden > 0 {
            line.add("↑↓", .heading)
            line.add(" \(max(0, hidden - first)) more ")
        }
        line.add("?", .heading)
        line.add(showsHelp ? " back" : " help")
        return line
    }

    static func name(_ seconds: Int) -> String { seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min" }

    private static let help = [
        "q         quit; so does Ctrl-C", "space     pause and resume", "left, right   rates over 1 s, 10 s, 1 min, 5 min",
        "up, down      scroll", "?         show or leave this page", "",
        "p50, p99  half, and 99 in 100, are at most this:", "sizes and waits from the log's last hour, within 7 %;",
        "≤ is a bucket's bound, in the window or overall.", "Hook durations are sampled: 1 call in 1,024.",
        "lag: how long the oldest event has waited for the log.",
    ].map { FrameLine($0) }

    private func body(_ sample: LiveSample, _ history: LiveHistory) -> [FrameLine] {
        hooks(sample, history) + drops(sample, history) + failures(sample, history) + standouts() + payloads(history)
            + rings(sample)
    }
}

import EventLog
import EventSearch
import MetricsModel
import Readings

/// What the server did up to now, in equal steps, according to the log: the same whether the server runs or has died, or its
/// exporter was only just started.
public struct TrafficHistory: Sendable {
    public enum Span: String, CaseIterable, Sendable {
        case hour = "1h"
        case day = "24h"
        case week = "7d"
        case month = "30d"

        public var seconds: Int64 {
            switch self {
            case .hour: 3600
            case .day: 86_400
            case .week: 7 * 86_400
            case .month: 30 * 86_400
            }
        }

        /// The length of a step: whole minutes, and for all but the shortest span whole quarter hours.
        public var stepSeconds: Int64 {
            switch self {
            case .hour: 60
            case .day: 900
            case .week: 2 * 3600
            case .month: 6 * 3600
            }
        }
    }

    public struct Step: Sendable {
        public var messages: Int64 = 0
        public var fetches: Int64 = 0
        public var logins: Int64 = 0
        public var failedLogins: Int64 = 0
        public var dropped: UInt64 = 0
        /// How much of the step lies inside the window and the log's time range; 0 if nothing is known of it.
        public var seconds: Double = 0

        public init() {}
    }

    public var span: Span
    /// UTC, microseconds since 1970.
    public var since: Int64
    public var until: Int64
    /// Oldest first. The first and the last are seldom complete.
    public var steps: [Step] = []
    /// For the whole window.
    public var stats: WindowStats
    /// Failed logins by class, most frequent first; only classes that occur.
    public var failures: [(failureClass: FailureClass, events: Int64)] = []
    /// What was dropped in the window.
    public var drops = DropTotals()
    /// The last five minutes.
    public var recent = Step()

    /// - Parameter now: the window's end: UTC, microseconds since 1970.
    /// - Parameter source: the log's directory, whose live file may know of drops that the log does not list yet.
    public static func read(
        _ log: EventLogReader, of source: DataSource? = nil, _ span: Span, now: Int64
    ) throws(LogError) -> TrafficHistory {
        let since = now - span.seconds * 1_000_000
        let unit: TimeUnit = span == .hour ? .minute : .hour
        let query = StatsQuery(since: since, until: now, unit: unit, top: 0, now: now, zone: .utc)
        let stats = try query.ask(log)
        var history = TrafficHistory(span: span, since: since, until: now, stats: stats)
        let step = span.stepSeconds
        let first = since / 1_000_000 / step
        let last = (now - 1) / 1_000_000 / step
        history.steps = Array(repeating: Step(), count: Int(last - first + 1))
        let begin = stats.log.map { max(since, $0.oldest) } ?? now
        for index in history.steps.indices {
            let start = (first + Int64(index)) * step * 1_000_000
            history.steps[index].seconds = Double(max(0, min(now, start + step * 1_000_000) - max(begin, start))) / 1e6
        }
        let minutes = try log.summing { window throws(LogError) in
            try window.sums(since: since, until: now, isByQuarter: span != .hour, top: 0).minutes
        }
        for minute in minutes {
            let index = Int(minute.minute * 60 / step - first)
            guard history.steps.indices.contains(index) else { continue }
            history.steps[index].add(minute)
        }
        let drops: [DropMinute]
        if let source {
            drops = try DropAccount.read(log, source, since: since, until: now).minutes
        } else {
            drops = try log.drops(since: since, until: now)
        }
        for minute in drops {
            let index = Int(minute.minute * 60 / step - first)
            history.drops.add(minute.drops)
            guard history.steps.indices.contains(index) else { continue }
            history.steps[index].dropped &+= minute.drops.sum
        }
        var classes: [FailureClass: Int64] = [:]
        for reason in stats.reasons { classes[reason.failureClass, default: 0] += reason.events }
        history.failures = classes.map { (failureClass: $0.key, events: $0.value) }.sorted {
            $0.events != $1.events ? $0.events > $1.events : $0.failureClass.name < $1.failureClass.name
        }
        let lately = max(since, now - 300_000_000)
        let recent = try log.summing { window throws(LogError) in
            try window.sums(since: lately, until: now, isByQuarter: false, top: 0).minutes
        }
        for minute in recent { history.recent.add(minute) }
        history.recent.seconds = Double(max(0, now - max(lately, begin))) / 1e6
        return history
    }
}

extension TrafficHistory.Step {
    fileprivate mutating func add(_ minute: SegmentSummary.Minute) {
        func sum(_ column: MinuteColumn) -> Int64 { minute.sums[column.rawValue] }
        messages &+= sum(.message) &+ sum(.batchMessage)
        fetches &+= sum(.events(.fetch))
        logins &+= sum(.events(.auth))
        failedLogins &+= sum(.authFailed)
    }
}

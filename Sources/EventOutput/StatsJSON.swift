import MetricsModel
import Readings

/// A window's sums as one JSON object. Times are UTC; what has no name or no value is left out.
public struct StatsJSON {
    private let stats: WindowStats

    public init(_ stats: WindowStats) { self.stats = stats }

    public func write(into output: OutputBuffer) throws(OutputError) {
        output.pending.append(Array(object.utf8))
        output.pending.append(0x0A)
        try output.flush()
    }

    private static func quoted(_ text: String) -> String { quoted(Array(text.utf8)) }
    private static func quoted(_ utf8: [UInt8]) -> String { String(decoding: JSONString.quoted(utf8), as: UTF8.self) }

    private static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func array(_ elements: [String]) -> String {
        elements.isEmpty ? "[]" : "[\n  " + elements.joined(separator: ",\n  ") + "\n ]"
    }

    private static func time(_ microseconds: Int64) -> String { quoted(UTCTime.text(microseconds)) }

    private var object: String {
        var fields: [(String, String)] = [
            ("since", Self.time(stats.since)), ("until", Self.time(stats.until)), ("by", Self.quoted(stats.unit.rawValue)),
        ]
        if let log = stats.log {
            let extent = [
                ("events", "\(log.events)"), ("oldest", Self.time(log.oldest)), ("newest", Self.time(log.newest)),
            ]
            fields.append(("log", Self.object(extent)))
        }
        fields.append(("rated_seconds", Self.number(Double(stats.ratedMicroseconds) / 1e6)))
        fields.append(("events", "\(stats.sum)"))
        fields.append(("kinds", Self.object(EventKind.allCases.map { ($0.name, kind($0)) })))
        fields.append(
            (
                "reasons",
                Self.array(
                    stats.reasons.map { reason in
                        let text = reason.text.map { [("reason", Self.quoted($0))] } ?? []
                        let others = [("class", Self.quoted(reason.failureClass.name)), ("events", "\(reason.events)")]
                        return Self.object(text + others)
                    })
            ))
        fields.append(("sizes", sizes))
        fields.append(("periods", Self.array(stats.periods.map(period))))
        for (name, field, subjects) in [
            ("identities", "identity", stats.identities), ("channels", "channel", stats.channels),
            ("failed_users", "user", stats.failedUsers),
        ] {
            let entries = subjects.map { Self.object([(field, Self.quoted($0.name)), ("events", "\($0.events)")]) }
            fields.append((name, Self.array(entries)))
        }
        fields.append(("day_before", dayBefore))
        return "{\n " + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",\n ") + "\n}"
    }

    /// At most six decimals.
    static func number(_ value: Double) -> String {
        let rounded = (value * 1e6).rounded() / 1e6
        guard rounded.isFinite, abs(rounded) < 1e15 else { return "0" }
        // Swift writes small numbers with an exponent, which JSON and awk read.
        return rounded == rounded.rounded() ? "\(Int64(saturating: rounded))" : "\(rounded)"
    }

    private func kind(_ kind: EventKind) -> String {
        let events = stats.events[kind.index]
        let seconds = Double(stats.ratedMicroseconds) / 1e6
        var fields = [("events", "\(events)")]
        if seconds > 0 { fields.append(("per_second", Self.number(Double(events) / seconds))) }
        switch kind {
        case .messageEnqueue: fields += [("sealed", "\(stats.single.sealed)"), ("bytes", "\(stats.single.bytes)")]
        case .batchEnqueue: fields += [("sealed", "\(stats.batch.sealed)"), ("bytes", "\(stats.batch.bytes)")]
        case .auth: fields.append(("failed", "\(stats.failedLogins)"))
        case .channelCreated: fields.append(("new", "\(stats.newChannels)"))
        case .fetch: fields += [("empty", "\(stats.emptyFetches)"), ("messages", "\(stats.fetchedMessages)")]
        case .userRegistered: break
        }
        return Self.object(fields)
    }

    private var sizes: String {
        Self.object(
            SizeName.allCases.map { size in
                let percentiles = stats.sizes[size.rawValue]
                var fields = [("count", "\(percentiles.count)")]
                if percentiles.count > 0 {
                    fields += [("p50", "\(percentiles.p50)"), ("p90", "\(percentiles.p90)"), ("p99", "\(percentiles.p99)")]
                }
                return (size.name, Self.object(fields))
            })
    }

    private func period(_ period: WindowStats.Period) -> String {
        var fields = [("time", Self.time(period.start)), ("events", "\(period.sum)")]
        for kind in EventKind.allCases where period.events[kind.index] != 0 {
            fields.append((kind.name, "\(period.events[kind.index])"))
        }
        return Self.object(fields)
    }

    private var dayBefore: String {
        let comparison = stats.comparison
        let day = WindowStats.Comparison.dayMicroseconds
        func events(_ counts: [Int64]) -> String {
            Self.object(EventKind.allCases.map { ($0.name, "\(counts[$0.index])") })
        }
        return Self.object([
            ("since", Self.time(comparison.since &- day)), ("until", Self.time(comparison.until &- day)),
            ("whole", comparison.beforeIsWhole ? "true" : "false"), ("events", events(comparison.before)),
            ("events_a_day_later", events(comparison.events)),
        ])
    }
}

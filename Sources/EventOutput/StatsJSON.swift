import MetricsModel
import Readings
import Terminal

/// A window's sums as one JSON object. Times are UTC; names and values that do not exist are omitted.
public struct StatsJSON {
    private let stats: WindowStats
    private let names: PeopleNames?

    public init(_ stats: WindowStats, names: PeopleNames? = nil) {
        self.stats = stats
        self.names = names
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        output.pending.append(JSON.object(fields).spread)
        try output.flush()
    }

    private var fields: [(String, JSON)] {
        var fields: [(String, JSON)] = [
            ("since", .time(stats.since)), ("until", .time(stats.until)), ("by", .text(stats.unit.rawValue)),
        ]
        if let log = stats.log {
            fields.append(
                ("log", .object([("events", .number(log.events)), ("oldest", .time(log.oldest)), ("newest", .time(log.newest))])))
        }
        fields += [
            ("rated_seconds", .number(Double(stats.ratedMicroseconds) / 1e6)), ("events", .number(stats.sum)),
            ("kinds", .object(EventKind.allCases.map { ($0.name, kind($0)) })),
            ("reasons", .array(stats.reasons.map(reason))), ("sizes", sizes),
            ("delivery_wait_seconds", waits), ("periods", .array(stats.periods.map(period))),
        ]
        for (name, field, kind, terms) in [
            ("identities", "identity", NameKind.identity, stats.identities), ("channels", "channel", .channel, stats.channels),
            ("failed_users", "user", .user, stats.failedUsers),
        ] {
            let entries = terms.map { term in
                let known = names?.name(of: term.name, kind).map { [(field + "_name", JSON.text($0))] } ?? []
                return JSON.object(
                    [(field, .text(term.name))] + known + [("events", .number(term.events))] + activity(of: term, kind))
            }
            fields.append((name, .array(entries)))
        }
        if let dayBefore { fields.append(("day_before", dayBefore)) }
        return fields
    }

    private func activity(of term: WindowStats.Term, _ kind: NameKind) -> [(String, JSON)] {
        guard let activity = term.activity else { return [] }
        return StatsActivity.numbers(activity, kind).map { ($0.name, .number($0.value)) }
    }

    private func kind(_ kind: EventKind) -> JSON {
        let events = stats.events[kind.index]
        let seconds = Double(stats.ratedMicroseconds) / 1e6
        var fields: [(String, JSON)] = [("events", .number(events))]
        if seconds > 0 { fields.append(("per_second", .number(Double(events) / seconds))) }
        switch kind {
        case .messageEnqueue: fields += [("sealed", .number(stats.single.sealed)), ("bytes", .number(stats.single.bytes))]
        case .batchEnqueue: fields += [("sealed", .number(stats.batch.sealed)), ("bytes", .number(stats.batch.bytes))]
        case .auth: fields.append(("failed", .number(stats.failedLogins)))
        case .channelCreated: fields.append(("new", .number(stats.newChannels)))
        case .fetch: fields += [("empty", .number(stats.emptyFetches)), ("messages", .number(stats.fetchedMessages))]
        case .userRegistered: break
        }
        return .object(fields)
    }

    private func reason(_ reason: WindowStats.Reason) -> JSON {
        let text: [(String, JSON)] = reason.text.map { [("reason", .text($0))] } ?? []
        return .object(text + [("class", .text(reason.failureClass.name)), ("events", .number(reason.events))])
    }

    private var sizes: JSON {
        .object(
            SizeName.allCases.map { size in
                let sizes = stats.sizes[size.rawValue]
                var fields: [(String, JSON)] = [("count", .number(sizes.count))]
                if sizes.count > 0 {
                    fields += [("p50", .number(sizes.p50)), ("p90", .number(sizes.p90)), ("p99", .number(sizes.p99))]
                }
                return (size.name, .object(fields))
            })
    }

    private var waits: JSON {
        let waits = stats.waits
        var fields: [(String, JSON)] = [("count", .number(waits.count))]
        if waits.count > 0 {
            for (name, value) in [("p50", waits.p50), ("p90", waits.p90), ("p99", waits.p99)] {
                fields.append((name, .number(Double(value) / 1e6)))
            }
        }
        return .object(fields)
    }

    private func period(_ period: WindowStats.Period) -> JSON {
        var fields: [(String, JSON)] = [("time", .time(period.start)), ("events", .number(period.sum))]
        for kind in EventKind.allCases where period.events[kind.index] != 0 {
            fields.append((kind.name, .number(period.events[kind.index])))
        }
        if period.failedLogins != 0 { fields.append(("failed_logins", .number(period.failedLogins))) }
        return .object(fields)
    }

    private var dayBefore: JSON? {
        guard let comparison = stats.comparison else { return nil }
        let day = WindowStats.Comparison.dayMicroseconds
        func events(_ counts: [Int64]) -> JSON {
            .object(EventKind.allCases.map { ($0.name, .number(counts[$0.index])) })
        }
        return .object([
            ("since", .time(comparison.since &- day)), ("until", .time(comparison.until &- day)),
            ("whole", .bool(comparison.beforeIsWhole)), ("events", events(comparison.before)),
            ("events_a_day_later", events(comparison.events)),
        ])
    }
}

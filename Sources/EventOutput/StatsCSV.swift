import MetricsModel
import Readings
import Terminal

/// A window's sums as comma-separated values, one number per line: `section,name,measure,value`. Times are UTC.
public struct StatsCSV {
    private let stats: WindowStats
    private let names: PeopleNames?

    /// - Parameter names: anyone they identify gets a second line, whose measure is `name`.
    public init(_ stats: WindowStats, names: PeopleNames? = nil) {
        self.stats = stats
        self.names = names
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        var lines = Lines(isTerminal: output.isTerminal)
        lines.add("section", "name", "measure", "value")
        addWindow(&lines)
        addKinds(&lines)
        addSizes(&lines)
        for reason in stats.reasons { lines.add("reason", reason.text, "events", "\(reason.events)") }
        for period in stats.periods {
            let time = UTCTime.text(period.start)
            for kind in EventKind.allCases where period.events[kind.index] != 0 {
                lines.add(stats.unit.rawValue, time, kind.name, "\(period.events[kind.index])")
            }
            if period.failedLogins != 0 { lines.add(stats.unit.rawValue, time, "failed_logins", "\(period.failedLogins)") }
        }
        for (section, kind, terms) in [
            ("identity", NameKind.identity, stats.identities), ("channel", .channel, stats.channels),
            ("failed_user", .user, stats.failedUsers),
        ] {
            for term in terms {
                lines.add(section, term.name, "events", "\(term.events)")
                for number in term.activity.map({ StatsActivity.numbers($0, kind) }) ?? [] {
                    lines.add(section, term.name, number.name, "\(number.value)")
                }
                guard let name = names?.name(of: term.name, kind) else { continue }
                let field = CSVField.text(name, isTerminal: output.isTerminal)
                lines.add(section, term.name, "name", String(decoding: field, as: UTF8.self))
            }
        }
        output.pending.append(lines.bytes)
        try output.flush()
    }

    private func addWindow(_ lines: inout Lines) {
        lines.add("window", "", "since", UTCTime.text(stats.since))
        lines.add("window", "", "until", UTCTime.text(stats.until))
        lines.add("window", "", "rated_seconds", JSON.plainNumber(Double(stats.ratedMicroseconds) / 1e6))
        lines.add("window", "", "events", "\(stats.sum)")
        guard let log = stats.log else { return }
        lines.add("log", "", "events", "\(log.events)")
        lines.add("log", "", "oldest", UTCTime.text(log.oldest))
        lines.add("log", "", "newest", UTCTime.text(log.newest))
    }

    private func addKinds(_ lines: inout Lines) {
        for kind in EventKind.allCases { lines.add("kind", kind.name, "events", "\(stats.events[kind.index])") }
        for (kind, messages) in [(EventKind.messageEnqueue, stats.single), (.batchEnqueue, stats.batch)] {
            lines.add("kind", kind.name, "sealed", "\(messages.sealed)")
            lines.add("kind", kind.name, "bytes", "\(messages.bytes)")
        }
        lines.add("kind", EventKind.auth.name, "failed", "\(stats.failedLogins)")
        lines.add("kind", EventKind.channelCreated.name, "new", "\(stats.newChannels)")
        lines.add("kind", EventKind.fetch.name, "empty", "\(stats.emptyFetches)")
        lines.add("kind", EventKind.fetch.name, "messages", "\(stats.fetchedMessages)")
        guard let comparison = stats.comparison else { return }
        let whole = comparison.beforeIsWhole ? "events" : "events_of_a_part"
        for kind in EventKind.allCases {
            lines.add("day_before", kind.name, whole, "\(comparison.before[kind.index])")
        }
    }

    private func addSizes(_ lines: inout Lines) {
        for size in SizeName.allCases {
            let percentiles = stats.sizes[size.rawValue]
            lines.add("size", size.name, "count", "\(percentiles.count)")
            guard percentiles.count > 0 else { continue }
            lines.add("size", size.name, "p50", "\(percentiles.p50)")
            lines.add("size", size.name, "p90", "\(percentiles.p90)")
            lines.add("size", size.name, "p99", "\(percentiles.p99)")
        }
        let waits = stats.waits
        lines.add("wait", "delivery_wait_seconds", "count", "\(waits.count)")
        guard waits.count > 0 else { return }
        for (name, value) in [("p50", waits.p50), ("p90", waits.p90), ("p99", waits.p99)] {
            lines.add("wait", "delivery_wait_seconds", name, "\(Double(value) / 1e6)")
        }
    }

    /// Lines of four values.
    private struct Lines {
        let isTerminal: Bool
        private(set) var bytes: [UInt8] = []

        init(isTerminal: Bool) { self.isTerminal = isTerminal }

        mutating func add(_ section: String, _ name: String, _ measure: String, _ value: String) {
            bytes += "\(section),\(name),\(measure),\(value)\r\n".utf8
        }

        /// - Parameter name: as the log holds it; nil gives an empty field, and an empty name is quoted.
        mutating func add(_ section: String, _ name: [UInt8]?, _ measure: String, _ value: String) {
            bytes += "\(section),".utf8
            if let name { bytes += CSVField.text(name, isTerminal: isTerminal) }
            bytes += ",\(measure),\(value)\r\n".utf8
        }
    }
}

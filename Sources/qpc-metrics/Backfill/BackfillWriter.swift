import Doctor
import MetricsModel
import MetricsQuery
import PrometheusText
import Terminal

/// Writes past counter values as OpenMetrics: family by family, within each the series, and within each the timestamps. It keeps
/// in memory only what was added in each step, however long the text.
struct BackfillWriter {
    var history: CounterHistory
    /// The first sample in Prometheus; nil to count back from the log's own counters.
    var scrape: FirstScrape?
    var labels: [(name: String, value: String)]

    /// A line's value would have fallen below 0 and was clamped: the log holds more events than its counters say.
    private(set) var wasHeld = false

    init(history: CounterHistory, scrape: FirstScrape?, labels: [(name: String, value: String)]) {
        (self.history, self.scrape, self.labels) = (history, scrape, labels)
    }

    mutating func write(_ series: [HistorySeries], into buffer: OutputBuffer) throws(OutputError) {
        var family = ""
        for series in series {
            if series.family.name != family {
                family = series.family.name
                try buffer.write(Array(series.metadata.utf8))
            }
            try write(series, into: buffer)
        }
        try buffer.write(Array("# EOF\n".utf8))
        try buffer.flush()
    }

    private mutating func write(_ series: HistorySeries, into buffer: OutputBuffer) throws(OutputError) {
        let heads = series.lines.map { $0.head(with: labels) }
        let counters = series.lines.map(\.counters)
        var values = series.lines.map { first($0) }
        for point in 0..<history.count {
            let seconds = UInt64(clamping: history.time(point) / 1_000_000)
            for line in heads.indices {
                if point > 0 { for index in counters[line] { values[line] &+= history.added(index, at: point) } }
                buffer.pending.append(heads[line])
                buffer.pending.append(decimal: values[line])
                buffer.pending.append(0x20)
                buffer.pending.append(decimal: seconds)
                buffer.pending.append(0x0A)
            }
            try buffer.endLine()
        }
    }

    /// A line's value at the first point: its final value, less everything added since.
    private mutating func first(_ line: HistorySeries.Line) -> UInt64 {
        var added: UInt64 = 0
        var total: UInt64 = 0
        for index in line.counters {
            total &+= history.total(index)
            for point in stride(from: 1, through: history.count, by: 1) { added &+= history.added(index, at: point) }
        }
        let end = scrape?.value(line.name, line.labels) ?? total
        if end < added { wasHeld = true }
        return end - min(end, added)
    }
}

import MetricsModel

/// The catalogue's series whose past values can be derived, and the lines that make up each series.
///
/// A line is one series in Prometheus' sense: a counter has one; a histogram has its buckets, the sum and the count.
public struct HistorySeries: Sendable {
    public struct Line: Sendable {
        /// With the suffix.
        public var name: String
        /// Without those that Prometheus adds itself.
        public var labels: [(name: String, value: String)]
        /// Its value is the sum of these counters, by `CounterIndex`.
        public var counters: [Int]
    }

    public var family: MetricFamily
    public var lines: [Line]

    /// How Prometheus writes the label `le`, which depends on the format it scrapes.
    public enum Bounds: Sendable {
        /// `64.0`
        case openMetrics
        /// `64`
        case text
    }

    /// Whether a counter can be derived from rows. They say nothing of gauges, durations, or what was written, removed or
    /// flushed.
    static func isKnown(_ index: Int) -> Bool { index <= CounterIndex.channelsCreated || CounterIndex.isDropped(index) }

    /// In the catalogue's order; the series of a family are adjacent.
    public static func all(bounds: Bounds, catalogue: [MetricFamily] = MetricCatalogue.families) -> [HistorySeries] {
        catalogue.flatMap { family in
            family.series.compactMap { series in
                let lines = lines(of: series, in: family, bounds)
                return lines.isEmpty ? nil : HistorySeries(family: family, lines: lines)
            }
        }
    }

    private static func lines(of series: MetricSeries, in family: MetricFamily, _ style: Bounds) -> [Line] {
        switch series.source {
        case .counter(let index) where family.type == .counter && isKnown(index):
            return [Line(name: family.name + "_total", labels: series.labels, counters: [index])]
        case .sum(let indices) where family.type == .counter && indices.allSatisfy(isKnown):
            return [Line(name: family.name + "_total", labels: series.labels, counters: indices)]
        case .events(_, let kind) where family.name == "qpc_plugin_events_recorded":
            return [Line(name: family.name + "_total", labels: series.labels, counters: [CounterIndex.events(kind)])]
        case .histogram(let first, let bounds, let scale) where isKnown(first):
            var lines: [Line] = []
            for index in 0...bounds.count {
                var bound: [UInt8] = []
                if index < bounds.count {
                    DecimalText(bounds[index], dividedBy: scale).append(to: &bound, style == .text ? .go : .canonical)
                } else {
                    bound += "+Inf".utf8
                }
                lines.append(
                    Line(
                        name: family.name + "_bucket",
                        labels: series.labels + [("le", String(decoding: bound, as: UTF8.self))],
                        counters: Array(first...first + index)))
            }
            lines.append(Line(name: family.name + "_sum", labels: series.labels, counters: [first + bounds.count + 1]))
            lines.append(
                Line(name: family.name + "_count", labels: series.labels, counters: Array(first...first + bounds.count)))
            return lines
        default: return []
        }
    }

    /// The lines that introduce a family in OpenMetrics.
    public var metadata: String {
        var text = SampleText(boundStyle: .canonical)
        text.append("# TYPE \(family.name) \(family.type.rawValue)\n")
        if !family.unit.isEmpty { text.append("# UNIT \(family.name) \(family.unit)\n") }
        text.append("# HELP \(family.name) ")
        text.appendEscaped(family.help, quotes: true)
        text.append("\n")
        return String(decoding: text.bytes, as: UTF8.self)
    }
}

extension HistorySeries.Line {
    /// `name{labels} `, with the caller's labels before its own.
    public func head(with labels: [(name: String, value: String)]) -> [UInt8] {
        var text = SampleText(boundStyle: .canonical)
        text.appendName(name, labels + self.labels)
        return text.bytes
    }
}

import MetricsModel

/// OpenMetrics 1.0.
///
/// Source: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
public struct OpenMetricsEncoder: Sendable {
    /// The content type of an HTTP response in this format.
    public static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    public init() {}

    /// The exposition as text. Families without series are omitted.
    public func encode(_ exposition: Exposition) -> [UInt8] {
        var text = SampleText(boundStyle: .canonical)
        for family in exposition.families where !family.samples.isEmpty {
            appendMetadata(of: family, to: &text)
            for sample in family.samples {
                switch family.type {
                case .counter: text.appendSample(family.name + "_total", sample)
                case .gauge: text.appendSample(family.name, sample)
                case .histogram: text.appendHistogram(family.name, sample)
                }
                if family.type != .gauge, let created = family.createdNanoseconds {
                    text.appendMoment(
                        family.name + "_created", sample.labels, nanoseconds: created)
                }
            }
        }
        text.append("# EOF\n")
        return text.bytes
    }

    private func appendMetadata(of family: ExpositionFamily, to text: inout SampleText) {
        text.append("# TYPE \(family.name) \(family.type.rawValue)\n")
        if !family.unit.isEmpty { text.append("# UNIT \(family.name) \(family.unit)\n") }
        text.append("# HELP \(family.name) ")
        text.appendEscaped(family.help, quotes: true)
        text.append("\n")
    }
}

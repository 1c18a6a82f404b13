import MetricsModel

/// Prometheus' text format 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
public struct PrometheusEncoder: Sendable {
    /// The content type of an HTTP response in this format.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public init() {}

    /// The exposition as text. Families without series are omitted.
    public func encode(_ exposition: Exposition) -> [UInt8] {
        var text = SampleText(boundStyle: .go)
        for family in exposition.families where !family.samples.isEmpty {
            // In this format, a family is named like its samples, so a counter's name carries the suffix.
            let name = family.type == .counter ? family.name + "_total" : family.name
            text.append("# HELP \(name) ")
            text.appendEscaped(family.help, quotes: false)
            text.append("\n# TYPE \(name) \(family.type.rawValue)\n")
            for sample in family.samples {
                if family.type == .histogram {
                    text.appendHistogram(name, sample)
                } else {
                    text.appendSample(name, sample)
                }
            }
        }
        return text.bytes
    }
}

import MetricsModel

/// A metric family with its values: what an encoder prints. The exporter also makes families of its own.
public struct ExpositionFamily: Sendable {
    /// Without the suffix `_total`, which a counter's samples carry.
    public var name: String
    public var type: MetricType
    /// The unit, which OpenMetrics requires to be the name's last part; may be empty.
    public var unit: String
    public var help: String
    public var samples: [ExpositionSample]
    /// When its counters or histograms began, in nanoseconds since 1970; nil if unknown. Only OpenMetrics prints it.
    public var createdNanoseconds: UInt64?

    public init(
        name: String, type: MetricType, unit: String = "", help: String,
        createdNanoseconds: UInt64? = nil, samples: [ExpositionSample]
    ) {
        self.name = name
        self.type = type
        self.unit = unit
        self.help = help
        self.createdNanoseconds = createdNanoseconds
        self.samples = samples
    }

    /// A family of one series without labels.
    public init(
        name: String, type: MetricType, unit: String = "", help: String,
        createdNanoseconds: UInt64? = nil, value: ExpositionValue
    ) {
        self.init(
            name: name, type: type, unit: unit, help: help, createdNanoseconds: createdNanoseconds,
            samples: [ExpositionSample(labels: [], value: value)])
    }
}

/// One series of a family, and its value.
public struct ExpositionSample: Sendable {
    /// Names and values, in print order.
    public var labels: [(name: String, value: String)]
    public var value: ExpositionValue

    public init(labels: [(name: String, value: String)], value: ExpositionValue) {
        self.labels = labels
        self.value = value
    }
}

/// The value of a series; a histogram belongs in a family of type histogram, the others in families of other types.
public enum ExpositionValue: Sendable {
    /// Printed exactly.
    case integer(UInt64)
    case number(Double)
    case histogram(ExpositionHistogram)
}

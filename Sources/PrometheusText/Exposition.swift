import MetricsModel
import Readings

/// What is exposed at one point in time: the catalogue's families with the snapshot's values, then the caller's own.
public struct Exposition: Sendable {
    public var families: [ExpositionFamily]

    /// Families that are not those of the catalogue.
    public init(_ families: [ExpositionFamily]) { self.families = families }

    public init(
        snapshot: MetricsSnapshot, catalogue: [MetricFamily] = MetricCatalogue.families, additional: [ExpositionFamily] = []
    ) {
        families = catalogue.map { Exposition.family($0, snapshot) } + additional
    }

    private static func family(_ family: MetricFamily, _ snapshot: MetricsSnapshot) -> ExpositionFamily {
        var samples: [ExpositionSample] = []
        // The values of its labels come from the snapshot, so the catalogue cannot list the series.
        if family.name == "qpc_build_info" {
            samples.append(
                ExpositionSample(
                    labels: [
                        ("version", snapshot.version), ("identities", snapshot.identities.name),
                    ],
                    value: .integer(1)))
        }
        for series in family.series {
            if !snapshot.measuresMessages, series.isOfMessageHook { continue }
            guard let value = value(of: series.source, snapshot) else { continue }
            samples.append(ExpositionSample(labels: series.labels, value: value))
        }
        return ExpositionFamily(
            name: family.name, type: family.type, unit: family.unit, help: family.help,
            createdNanoseconds: snapshot.createdNanoseconds, samples: samples)
    }

    private static func value(of source: MetricSource, _ snapshot: MetricsSnapshot)
        -> ExpositionValue?
    {
        switch source {
        case .counter(let index): return .integer(snapshot.counters[index])
        case .sum(let indices):
            return .integer(indices.reduce(0) { $0 &+ snapshot.counters[$1] })
        case .histogram(let first, let bounds, let scale):
            let last = first + bounds.count
            return .histogram(
                ExpositionHistogram(
                    bounds: bounds, counts: Array(snapshot.counters[first...last]),
                    sum: snapshot.counters[last + 1], scale: scale))
        case .gauge(let read): return read(snapshot).map { .number($0) }
        case .events(let read, let kind): return .integer(read(snapshot, kind))
        }
    }
}

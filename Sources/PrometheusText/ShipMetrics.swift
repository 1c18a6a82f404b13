import Readings

/// The metrics of `qpc-metrics ship`, which it serves on a port of its own.
public enum ShipMetrics {
    /// - Parameter now: for how long the oldest event has waited.
    /// - Parameter startNanoseconds: when the shipper was started, since 1970.
    public static func families(_ counts: ShipCounts, nowMicroseconds now: Int64, startNanoseconds: UInt64?) -> [ExpositionFamily]
    {
        let waited = counts.oldestMicroseconds.map { Double(max(0, now &- $0)) / 1e6 } ?? 0
        return [
            ExpositionFamily(
                name: "qpc_ship_lag_events", type: .gauge, help: "Events in the log that have not arrived yet, counted by id.",
                value: .integer(counts.lagEvents)),
            ExpositionFamily(
                name: "qpc_ship_lag_seconds", type: .gauge, unit: "seconds",
                help: "Age of the oldest event that has not arrived yet; 0 if all have.", value: .number(waited)),
            ExpositionFamily(
                name: "qpc_ship_events", type: .counter, help: "Events that were sent and have arrived.",
                createdNanoseconds: startNanoseconds, value: .integer(counts.events)),
            ExpositionFamily(
                name: "qpc_ship_batches", type: .counter, help: "Batches of events that have arrived.",
                createdNanoseconds: startNanoseconds, value: .integer(counts.batches)),
            ExpositionFamily(
                name: "qpc_ship_errors", type: .counter, help: "Attempts to send a batch that failed, by cause.",
                createdNanoseconds: startNanoseconds,
                samples: ShipCounts.ErrorCause.allCases.map {
                    ExpositionSample(labels: [("cause", $0.rawValue)], value: .integer(counts[$0]))
                }),
            ExpositionFamily(
                name: "qpc_ship_skipped_events", type: .counter,
                help: "Events that left the log before they were sent, by cause.", createdNanoseconds: startNanoseconds,
                samples: ShipCounts.SkipCause.allCases.map {
                    ExpositionSample(labels: [("cause", $0.rawValue)], value: .integer(counts[$0]))
                }),
        ]
    }
}

import MetricsModel
import PrometheusText
import Readings

/// A snapshot in which every counter has its own value, so that one printed in another's place
/// is noticed.
enum FixedSnapshot {
    static let createdNanoseconds: UInt64 = 1_790_000_000_123_456_789

    static let snapshot: MetricsSnapshot = {
        var snapshot = MetricsSnapshot()
        snapshot.createdNanoseconds = createdNanoseconds
        for index in 0..<CounterIndex.used { snapshot.counters[index] = UInt64(index + 1) }
        for kind in EventKind.allCases {
            snapshot.counters[CounterIndex.calls(kind)] = 2_000_000 + UInt64(kind.index)
            snapshot.counters[CounterIndex.events(kind)] = 1_000_000 + UInt64(kind.index)
            // A sum of nanoseconds that a binary fraction could not represent.
            snapshot.counters[CounterIndex.hookDurationSum(kind)] =
                1_234_567_890_123_456_700 + UInt64(kind.index)
        }
        // More than a float64 can hold exactly.
        snapshot.counters[CounterIndex.authFailures(.credentials)] = .max
        snapshot.plugin = .up(pid: 1)
        snapshot.version = "0.1.0"
        snapshot.identities = .pseudonym
        snapshot.startNanoseconds = 1_795_385_340_500_000_000
        snapshot.activeUsers = [120, 480, 1130]
        snapshot.logBytes = 4_294_967_296
        snapshot.walBytes = 32768
        snapshot.oldestEventMicroseconds = 1_792_793_340_250_000
        return snapshot
    }()

    /// What the exporter adds about itself.
    static let additional = [
        ExpositionFamily(
            name: "process_cpu_seconds", type: .counter, unit: "seconds",
            help: "Total user and system CPU time spent in seconds.", value: .number(0.25)),
        ExpositionFamily(
            name: "qpc_exporter_scrape_duration_seconds", type: .gauge, unit: "seconds",
            help: "Time that the scrape before this one took.", value: .number(0.0015)),
    ]

    static let exposition = Exposition(snapshot: snapshot, additional: additional)
}

import MetricsModel
import Readings

/// The type of a metric, in both exposition formats.
public enum MetricType: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// Where a series takes its value from.
public enum MetricSource: Sendable {
    /// The total of one counter.
    case counter(Int)
    /// The sum of several counters' totals.
    case sum([Int])
    /// Buckets from this index on, the sum after the last; bounds and sum are divided by `scale`.
    case histogram(first: Int, bounds: [UInt64], scale: Double)
    /// A value from the snapshot; nil omits the series.
    case gauge(@Sendable (MetricsSnapshot) -> Double?)
    case events(@Sendable (MetricsSnapshot, EventKind) -> UInt64, EventKind)
}

public struct MetricSeries: Sendable {
    /// Names and values, in print order. Values come from closed sets only.
    public var labels: [(name: String, value: String)]
    public var source: MetricSource

    /// Whether its value is what `on_message_enqueue` alone can tell. The ledger's series are not among them: they hold what was
    /// recorded while the hook was on.
    var isOfMessageHook: Bool {
        labels.contains {
            ($0.name == "hook" && $0.value == EventKind.messageEnqueue.name)
                || ($0.name == "path" && $0.value == MessagePath.single.name)
        }
    }
}

/// One metric family. `name` is without the suffix `_total`, which a counter's samples carry.
public struct MetricFamily: Sendable {
    public var name: String
    public var type: MetricType
    /// The unit, which OpenMetrics requires to be the name's last part; may be empty.
    public var unit: String
    public var help: String
    public var series: [MetricSeries]
}

/// Every metric of the product: names, types, units, help, series. The Prometheus text, the table in the documentation and the
/// check of the dashboards are all generated from this one list.
public enum MetricCatalogue {
    public static let families: [MetricFamily] = [
        gauge("qpc_up", help: "1 while the plugin runs and has a heartbeat, otherwise 0.") { $0.plugin.isUp ? 1 : 0 },
        MetricFamily(
            name: "qpc_build_info", type: .gauge, unit: "",
            help: "The plugin's version and how it logs identities; always 1.", series: []),
        byKind(
            "qpc_hook_calls", label: "hook", help: "Calls of the server's hooks.",
            { .counter(CounterIndex.calls($0)) }),
        byPath(
            "qpc_messages", help: "Messages, by the hook that reported them.",
            { .counter(CounterIndex.events($0 == .single ? .messageEnqueue : .batchEnqueue)) }),
        byPath(
            "qpc_sealed_messages", help: "Messages with a sealed sender.",
            { .counter(CounterIndex.sealed($0)) }),
        MetricFamily(
            name: "qpc_message_payload_bytes", type: .histogram, unit: "bytes",
            help: "Size of a message's encrypted payload.",
            series: MessagePath.allCases.map { path in
                MetricSeries(
                    labels: [("path", path.name)],
                    source: .histogram(
                        first: CounterIndex.payload(path), bounds: Histogram.payloadBounds, scale: 1))
            }),
        histogram(
            "qpc_batch_messages", help: "Messages in a batch.", first: CounterIndex.batch,
            bounds: Histogram.batchBounds),
        counter("qpc_auth_attempts", help: "Login attempts.", CounterIndex.calls(.auth)),
        MetricFamily(
            name: "qpc_auth_failures", type: .counter, unit: "",
            help: "Failed login attempts, by class of the reason.",
            series: FailureClass.allCases.map {
                MetricSeries(
                    labels: [("reason", $0.name)], source: .counter(CounterIndex.authFailures($0)))
            }),
        counter(
            "qpc_channel_requests", help: "Channels created or looked up.", CounterIndex.calls(.channelCreated)),
        counter("qpc_channels_created", help: "Channels that were newly created.", CounterIndex.channelsCreated),
        counter("qpc_fetches", help: "Fetches of waiting messages.", CounterIndex.calls(.fetch)),
        counter("qpc_empty_fetches", help: "Fetches that returned no message.", CounterIndex.fetch),
        histogram(
            "qpc_fetch_messages", help: "Messages in a fetch.", first: CounterIndex.fetch,
            bounds: Histogram.fetchBounds),
        counter(
            "qpc_users_registered", help: "Completed registrations.", CounterIndex.calls(.userRegistered)),
        MetricFamily(
            name: "qpc_active_users", type: .gauge, unit: "",
            help: "Distinct identities seen in the window, from the log; 1 to 4 are given as 5.",
            series: [("1d", 0), ("7d", 1), ("30d", 2)].map { window, index in
                MetricSeries(
                    labels: [("window", window)], source: .gauge { Double(SmallGroup.atLeast($0.activeUsers[index])) })
            }),
        MetricFamily(
            name: "qpc_auth_failing_users", type: .gauge, unit: "",
            help: "Distinct users with a failed login in the window; 1 to 4 are given as 5.",
            series: [("5m", 0), ("1h", 1)].map { window, index in
                MetricSeries(
                    labels: [("window", window)],
                    source: .gauge { $0.failingUsers.isEmpty ? nil : Double(SmallGroup.atLeast($0.failingUsers[index])) })
            }),
        MetricFamily(
            name: "qpc_delivery_wait_seconds", type: .histogram, unit: "seconds",
            help: "How long the oldest message that a fetch handed out had waited.",
            series: [
                MetricSeries(
                    labels: [],
                    source: .histogram(
                        first: CounterIndex.deliveryWait, bounds: Histogram.deliveryWaitBounds, scale: 1e6))
            ]),
        gauge("qpc_recipients_waiting", help: "Recipients with messages not yet fetched; 1 to 4 are given as 5.") {
            Double(SmallGroup.atLeast($0.recipientsWaiting))
        },
        gauge(
            "qpc_delivery_oldest_waiting_seconds", unit: "seconds",
            help: "How long the oldest message not yet fetched has waited; 0 if none waits."
        ) { Double($0.oldestWaitMicroseconds) / 1e6 },
        counter(
            "qpc_delivery_untracked_messages",
            help: "Messages whose wait was not tracked, since 65,536 other recipients had messages waiting.",
            CounterIndex.untrackedMessages),
        gauge(
            "qpc_plugin_start_time_seconds", unit: "seconds",
            help: "When the plugin was started, in seconds since 1970."
        ) { Double($0.startNanoseconds) / 1e9 },
        MetricFamily(
            name: "qpc_plugin_events_recorded", type: .counter, unit: "",
            help: "Events that hooks recorded.",
            series: EventKind.allCases.map {
                MetricSeries(labels: [("kind", $0.name)], source: .events({ $0.recorded($1) }, $0))
            }),
        byKind(
            "qpc_plugin_events_written", label: "kind", help: "Events written into the log.",
            { .counter(CounterIndex.written($0)) }),
        MetricFamily(
            name: "qpc_plugin_events_dropped", type: .counter, unit: "",
            help: "Events that were recorded but never reached the log, by cause.",
            series: EventKind.allCases.flatMap { kind in
                DropCause.allCases.map {
                    MetricSeries(
                        labels: [("kind", kind.name), ("cause", $0.name)],
                        source: .counter(CounterIndex.dropped(kind, $0)))
                }
            }),
        MetricFamily(
            name: "qpc_plugin_events_removed", type: .counter, unit: "",
            help: "Events removed from the log, by cause.",
            series: EventKind.allCases.flatMap { kind in
                RemovalCause.allCases.map {
                    MetricSeries(
                        labels: [("kind", kind.name), ("cause", $0.name)],
                        source: .counter(CounterIndex.removed(kind, $0)))
                }
            }),
        counter(
            "qpc_plugin_events_removed_for_size",
            help: "Events removed because the log had reached MAX_SIZE; also counted with cause retention.",
            CounterIndex.removedForSize),
        gauge(
            "qpc_plugin_last_drop_timestamp_seconds", unit: "seconds",
            help: "When an event was last dropped, in seconds since 1970; 0 for never."
        ) { Double($0.lastDropMicroseconds) / 1e6 },
        gauge("qpc_plugin_pending_events", help: "Events recorded that are not yet in the log.") {
            Double($0.pending)
        },
        MetricFamily(
            name: "qpc_plugin_flush_duration_seconds", type: .histogram, unit: "seconds",
            help: "Duration of one flush of the rings into the log.",
            series: [
                MetricSeries(
                    labels: [],
                    source: .histogram(
                        first: CounterIndex.flushDuration, bounds: Histogram.flushDurationBounds, scale: 1e6))
            ]),
        MetricFamily(
            name: "qpc_plugin_flush_errors", type: .counter, unit: "",
            help: "Flushes that failed and were retried, by cause.",
            series: FlushErrorCause.allCases.map {
                MetricSeries(
                    labels: [("cause", $0.name)], source: .counter(CounterIndex.flushErrors($0)))
            }),
        MetricFamily(
            name: "qpc_plugin_hook_duration_seconds", type: .histogram, unit: "seconds",
            help: "Duration of a hook, sampled from one call in 1,024.",
            series: EventKind.allCases.map {
                MetricSeries(
                    labels: [("hook", $0.name)],
                    source: .histogram(
                        first: CounterIndex.hookDuration($0), bounds: Histogram.hookDurationBounds, scale: 1e9))
            }),
        gauge("qpc_plugin_log_size_bytes", unit: "bytes", help: "Size of the event log, events.db.") {
            Double($0.logBytes)
        },
        gauge("qpc_plugin_wal_size_bytes", unit: "bytes", help: "Size of the log's WAL, events.db-wal.") {
            Double($0.walBytes)
        },
        gauge(
            "qpc_plugin_oldest_event_timestamp_seconds", unit: "seconds",
            help: "When the oldest event in the log was recorded, in seconds since 1970; 0 for an empty log."
        ) { Double($0.oldestEventMicroseconds ?? 0) / 1e6 },
        counter(
            "qpc_plugin_files_set_aside", help: "Damaged files that were quarantined and replaced by new ones.",
            CounterIndex.filesQuarantined),
    ]

    private static func counter(_ name: String, help: String, _ index: Int) -> MetricFamily {
        MetricFamily(
            name: name, type: .counter, unit: "", help: help,
            series: [MetricSeries(labels: [], source: .counter(index))])
    }

    private static func gauge(
        _ name: String, unit: String = "", help: String, _ value: @escaping @Sendable (MetricsSnapshot) -> Double?
    ) -> MetricFamily {
        MetricFamily(
            name: name, type: .gauge, unit: unit, help: help,
            series: [MetricSeries(labels: [], source: .gauge(value))])
    }

    private static func histogram(_ name: String, help: String, first: Int, bounds: [UInt64]) -> MetricFamily {
        MetricFamily(
            name: name, type: .histogram, unit: "", help: help,
            series: [MetricSeries(labels: [], source: .histogram(first: first, bounds: bounds, scale: 1))])
    }

    private static func byKind(
        _ name: String, label: String, help: String, _ source: (EventKind) -> MetricSource
    ) -> MetricFamily {
        MetricFamily(
            name: name, type: .counter, unit: "", help: help,
            series: EventKind.allCases.map {
                MetricSeries(labels: [(label, $0.name)], source: source($0))
            })
    }

    private static func byPath(
        _ name: String, help: String, _ source: (MessagePath) -> MetricSource
    ) -> MetricFamily {
        MetricFamily(
            name: name, type: .counter, unit: "", help: help,
            series: MessagePath.allCases.map {
                MetricSeries(labels: [("path", $0.name)], source: source($0))
            })
    }
}

import MetricsModel

/// Everything the exposition needs, at one point in time: the counters' totals and the gauges.
public struct MetricsSnapshot: Sendable {
    /// Totals, indexed by `CounterIndex`; `CounterIndex.words` of them.
    public var counters: [UInt64]
    /// When the counters began: UTC, nanoseconds since 1970; nil if unknown, or if none have begun.
    public var createdNanoseconds: UInt64?
    public var plugin = PluginState.neverRan
    /// The plugin's version, from the last run if it is not up; empty if it never ran.
    public var version = ""
    public var identities: IdentityMode = .pseudonym
    /// Whether events get rows; false with `QPC_METRICS_PLUGIN_LOG=off`.
    public var keepsRows = true
    /// Whether keys of pseudonyms are on the disk only sealed to an operator's key.
    public var sealsKeys = false
    /// Whether messages that come alone are recorded; false with `QPC_METRICS_PLUGIN_MESSAGE_HOOK=off`.
    public var measuresMessages = true
    /// UTC, nanoseconds since 1970; 0 if the plugin never ran.
    public var startNanoseconds: UInt64 = 0
    /// Distinct identities seen in 1, 7 and 30 days.
    public var activeUsers: [UInt64] = [0, 0, 0]
    /// Recipients with messages not yet fetched.
    public var recipientsWaiting: UInt64 = 0
    /// How long the oldest of those messages has waited: microseconds; 0 if none waits.
    public var oldestWaitMicroseconds: UInt64 = 0
    /// Distinct users with a failed login in the last 5 minutes, and in the last hour; empty if that is not known.
    public var failingUsers: [UInt64] = [0, 0]
    public var logBytes: UInt64 = 0
    public var walBytes: UInt64 = 0
    /// UTC, microseconds since 1970; nil for an empty log.
    public var oldestEventMicroseconds: Int64?

    /// When an event was last dropped: UTC, microseconds since 1970; 0 for never.
    public var lastDropMicroseconds: UInt64 = 0

    /// When a dead server's events were recovered into the log: UTC, microseconds since 1970; 0 if it ended in order or is still
    /// running.
    public var recoveredMicroseconds: UInt64 = 0

    /// How the source of the snapshot fails its checksum, in words; nil if nothing is known to be wrong.
    public var mismatch: String?

    public init() { counters = [UInt64](repeating: 0, count: CounterIndex.words) }

    public func recorded(_ kind: EventKind) -> UInt64 {
        // A hook commits its record before counting it, so that a kill between the two loses nothing; for that moment the log can
        // be ahead of the count.
        max(counters[CounterIndex.events(kind)], written(kind) &+ dropped(kind) &- lost(kind))
    }

    public func written(_ kind: EventKind) -> UInt64 { counters[CounterIndex.written(kind)] }

    public func dropped(_ kind: EventKind) -> UInt64 {
        DropCause.allCases.reduce(0) { $0 &+ counters[CounterIndex.dropped(kind, $1)] }
    }

    public func removed(_ kind: EventKind) -> UInt64 {
        RemovalCause.allCases.reduce(0) { $0 &+ counters[CounterIndex.removed(kind, $1)] }
    }

    /// Written, and gone with a log that was deleted or quarantined; they are also among the dropped.
    public func lost(_ kind: EventKind) -> UInt64 { counters[CounterIndex.lost(kind)] }

    /// Recorded, but neither written nor dropped.
    public func pending(_ kind: EventKind) -> UInt64 {
        recorded(kind) &- written(kind) &- dropped(kind) &+ lost(kind)
    }

    /// Rows that the log must have.
    public func inLog(_ kind: EventKind) -> UInt64 { written(kind) &- removed(kind) &- lost(kind) }

    public var pending: UInt64 { EventKind.allCases.reduce(0) { $0 &+ pending($1) } }
}

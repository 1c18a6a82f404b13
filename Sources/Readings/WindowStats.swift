import MetricsModel

/// What a server did in a window of time. All times are UTC, in microseconds since 1970.
public struct WindowStats: Sendable {
    /// What the log holds, regardless of the window.
    public struct LogExtent: Sendable {
        public var events: Int64
        public var oldest: Int64
        public var newest: Int64

        public init(events: Int64, oldest: Int64, newest: Int64) {
            self.events = events
            self.oldest = oldest
            self.newest = newest
        }
    }

    /// Messages of one path.
    public struct Messages: Sendable {
        public var events: Int64 = 0
        public var sealed: Int64 = 0
        public var bytes: UInt64 = 0

        public init() {}
    }

    public struct Reason: Sendable {
        /// Nil for failures without a reason.
        public var text: [UInt8]?
        public var failureClass: FailureClass
        public var events: Int64

        public init(text: [UInt8]?, failureClass: FailureClass, events: Int64) {
            self.text = text
            self.failureClass = failureClass
            self.events = events
        }
    }

    /// Percentiles, within 6 %.
    public struct Percentiles: Sendable {
        public var count: Int64
        public var p50: UInt64
        public var p90: UInt64
        public var p99: UInt64

        public init(count: Int64, p50: UInt64, p90: UInt64, p99: UInt64) {
            self.count = count
            self.p50 = p50
            self.p90 = p90
            self.p99 = p99
        }
    }

    /// A minute, an hour or a day.
    public struct Period: Sendable {
        public var start: Int64
        /// By kind.
        public var events: SIMD8<Int64>
        public var failedLogins: Int64 = 0

        public init(start: Int64, events: SIMD8<Int64>) {
            self.start = start
            self.events = events
        }

        public var sum: Int64 { events.wrappedSum() }
    }

    /// An identity, a channel or a user, as displayed.
    public struct Term: Sendable {
        public var name: [UInt8]
        public var events: Int64
        /// Nil for a user, and in a window with too many events to read them again: `WindowReader.activityLimit`.
        public var activity: Activity?

        public init(name: [UInt8], events: Int64, activity: Activity? = nil) {
            self.name = name
            self.events = events
            self.activity = activity
        }
    }

    /// What an identity did, or what was done in a channel, where nobody receives.
    public struct Activity: Sendable, Equatable {
        public var sent: Int64 = 0
        public var bytesSent: UInt64 = 0
        public var received: Int64 = 0
        public var bytesReceived: UInt64 = 0
        public var fetches: Int64 = 0
        public var messagesFetched: UInt64 = 0

        public init() {}
    }

    /// The window's last day, or all of a shorter window, compared with the same hours of the day before.
    public struct Comparison: Sendable {
        public var since: Int64
        public var until: Int64
        /// By kind.
        public var events: [Int64]
        /// For the same hours, a day earlier.
        public var before: [Int64]
        /// Whether the log reaches back to the start of these earlier hours.
        public var beforeIsWhole: Bool

        public init(since: Int64, until: Int64, events: [Int64], before: [Int64], beforeIsWhole: Bool) {
            self.since = since
            self.until = until
            self.events = events
            self.before = before
            self.beforeIsWhole = beforeIsWhole
        }

        public static let dayMicroseconds: Int64 = 86_400_000_000
    }

    public var since: Int64
    public var until: Int64
    /// Nil for a log without events.
    public var log: LogExtent?
    /// The part of the window that the log covers, over which rates are computed: from the log's oldest event up to now.
    public var ratedMicroseconds: Int64 = 0
    /// By kind.
    public var events = [Int64](repeating: 0, count: EventKind.count)
    public var single = Messages()
    public var batch = Messages()
    public var failedLogins: Int64 = 0
    public var newChannels: Int64 = 0
    public var emptyFetches: Int64 = 0
    public var fetchedMessages: UInt64 = 0
    /// Most frequent first.
    public var reasons: [Reason] = []
    /// By `SizeName`.
    public var sizes: [Percentiles] = []
    /// How long the oldest message of a fetch had waited, in microseconds, over the fetches that handed out messages.
    public var waits = Percentiles(count: 0, p50: 0, p90: 0, p99: 0)
    public var unit: TimeUnit
    /// Only those with events, oldest first.
    public var periods: [Period] = []
    /// Most active first.
    public var identities: [Term] = []
    public var channels: [Term] = []
    public var failedUsers: [Term] = []
    /// Nil where no earlier events would compare: the events asked for begin or end with one of them, not with a time.
    public var comparison: Comparison?
    /// Whether only some of the window's events were asked for. Nothing is then known of how long these waited.
    public var isFiltered = false

    public init(since: Int64, until: Int64, unit: TimeUnit) {
        self.since = since
        self.until = until
        self.unit = unit
    }

    public var sum: Int64 { events.reduce(0, &+) }

    /// The period with the most events; of equal ones, the oldest.
    public var busiest: Period? {
        periods.max { $0.sum != $1.sum ? $0.sum < $1.sum : $0.start > $1.start }
    }
}

/// The sizes that percentiles are computed of, in display order.
public enum SizeName: Int, CaseIterable, Sendable {
    case messagePayloadBytes = 0
    case batchPayloadBytes
    case batchMessages
    case fetchMessages

    public var name: String {
        switch self {
        case .messagePayloadBytes: "message_payload_bytes"
        case .batchPayloadBytes: "batch_payload_bytes"
        case .batchMessages: "batch_messages"
        case .fetchMessages: "fetch_messages"
        }
    }
}

/// The unit that a window is divided into.
public enum TimeUnit: String, CaseIterable, Sendable {
    case minute
    case hour
    case day

    public var microseconds: Int64 {
        switch self {
        case .minute: 60_000_000
        case .hour: 3_600_000_000
        case .day: 86_400_000_000
        }
    }

    /// The best unit to show a window of this length.
    public static func fitting(windowMicroseconds: Int64) -> TimeUnit {
        if windowMicroseconds <= 3 * hour.microseconds { return .minute }
        return windowMicroseconds <= 4 * day.microseconds ? .hour : .day
    }
}

import MetricsModel

/// Groups of events and their totals. Each row is built on request: all of them at once could take hundreds of MiB.
public struct CountAnswer {
    public enum Key: Sendable, Equatable {
        /// The group's events have no such value: a sealed sender, or a login without a reason.
        case absent
        /// As displayed.
        case name([UInt8])
        case kind(EventKind)
        case failureClass(FailureClass)
        case cause(DropCause)
        /// The start of a minute, hour or day: UTC, microseconds since 1970.
        case period(Int64)
        /// 0 for Monday.
        case weekday(Int)
        case hourOfDay(Int)
    }

    public enum Value: Sendable, Equatable {
        case absent
        case number(UInt64)
        /// UTC, microseconds since 1970.
        case time(Int64)
    }

    public struct Row: Sendable {
        /// Parallel to the question's fields.
        public var keys: [Key]
        /// Parallel to the question's measures.
        public var values: [Value]

        public init(keys: [Key], values: [Value]) {
            self.keys = keys
            self.values = values
        }
    }

    public var question: CountQuestion
    /// The number of rows, and each row by its index.
    public var count = 0
    public var row: (Int) -> Row
    /// How many groups there are, and how many of these meet the conditions; the rows are the first of the latter.
    public var groups = 0
    public var matchingGroups = 0
    /// Events of matching groups that have no row.
    public var eventsOfOthers: UInt64 = 0

    /// Has no rows.
    public init(_ question: CountQuestion) {
        self.question = question
        row = { _ in Row(keys: [], values: []) }
    }
}

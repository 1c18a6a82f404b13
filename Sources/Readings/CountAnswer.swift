import MetricsModel

/// Groups of events, and what they add up to.
public struct CountAnswer: Sendable {
    public enum Key: Sendable, Equatable {
        /// The events of the group have no such value: a sealed sender, a login without a reason.
        case absent
        /// As it is shown.
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
    public var rows: [Row] = []
    /// How many groups there are, and how many of them are as the conditions ask; `rows` has the first of these.
    public var groups = 0
    public var matchingGroups = 0
    /// Events of the groups that `rows` leaves out.
    public var eventsOfOthers: UInt64 = 0

    public init(_ question: CountQuestion) { self.question = question }
}

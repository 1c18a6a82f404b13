import MetricsModel

/// What events are counted by.
public enum CountField: String, CaseIterable, Sendable {
    case kind, user, sender, recipient, identity, channel, reason
    /// Of a failed login: `FailureClass`.
    case failureClass = "class"
    case minute, hour, day, weekday
    case hourOfDay = "hour_of_day"
    /// Of a drop: `DropCause`. No event has it.
    case cause

    public var isTime: Bool {
        switch self {
        case .minute, .hour, .day, .weekday, .hourOfDay: true
        case .kind, .user, .sender, .recipient, .identity, .channel, .reason, .failureClass, .cause: false
        }
    }

    /// The table of names that its numbers refer to; nil for numbers that stand for themselves.
    public var names: NameKind? {
        switch self {
        case .user: .user
        case .sender, .recipient, .identity: .identity
        case .channel: .channel
        case .reason: .reason
        case .kind, .failureClass, .minute, .hour, .day, .weekday, .hourOfDay, .cause: nil
        }
    }

    /// The columns of a kind's table that it is read from, other than the time.
    public func columns(of kind: EventKind) -> [EventField] {
        switch self {
        case .kind, .minute, .hour, .day, .weekday, .hourOfDay, .cause: []
        case .user: kind.fields.filter { $0 == .user }
        case .sender: kind.fields.filter { $0 == .sender }
        case .recipient: kind.fields.filter { $0 == .recipient }
        case .identity: kind.fields.filter { $0.names == .identity }
        case .channel: kind.fields.filter { $0 == .channel }
        case .reason, .failureClass: kind.fields.filter { $0 == .reason }
        }
    }

    /// Whether events of a kind have this field.
    public func fits(_ kind: EventKind) -> Bool {
        switch self {
        case .kind, .minute, .hour, .day, .weekday, .hourOfDay: true
        case .cause: false
        case .user, .sender, .recipient, .identity, .channel, .reason, .failureClass: !columns(of: kind).isEmpty
        }
    }
}

/// A numeric field that can be summed.
public enum CountNumber: String, CaseIterable, Sendable {
    /// Bytes of a message's payload.
    case bytes
    /// Messages in a fetch.
    case count

    public var field: EventField { self == .bytes ? .bytes : .count }
}

/// What distinct values can be counted of.
public enum CountDistinct: String, CaseIterable, Sendable {
    case user, identity, channel

    public var field: CountField {
        switch self {
        case .user: .user
        case .identity: .identity
        case .channel: .channel
        }
    }

    public var plural: String { self == .identity ? "identities" : rawValue + "s" }
}

/// What is computed for each group.
public enum CountMeasure: String, CaseIterable, Sendable {
    case events, sum, max, distinct, first, last
    /// Failed logins, successful ones, and the failures before the last success.
    case failed, ok
    case failedBeforeOK = "failed_before_ok"
    /// The number of events, and their sum, in the earlier window it is compared with.
    case earlierEvents = "events_before"
    case earlierSum = "sum_before"

    public var isAboutLogins: Bool { self == .failed || self == .ok || self == .failedBeforeOK }
    public var isTime: Bool { self == .first || self == .last }
}

/// A condition that a group must meet to be shown.
public struct CountCondition: Sendable {
    public enum Comparison: String, CaseIterable, Sendable {
        case atLeast = ">="
        case atMost = "<="
        case isNot = "!="
        case more = ">"
        case less = "<"
        case equals = "="

        public func holds(_ value: UInt64, _ bound: UInt64) -> Bool {
            switch self {
            case .atLeast: value >= bound
            case .atMost: value <= bound
            case .isNot: value != bound
            case .more: value > bound
            case .less: value < bound
            case .equals: value == bound
            }
        }
    }

    public var measure: CountMeasure
    public var comparison: Comparison
    public var bound: UInt64

    public init(measure: CountMeasure, comparison: Comparison, bound: UInt64) {
        self.measure = measure
        self.comparison = comparison
        self.bound = bound
    }
}

/// How events are grouped, what is computed for each group, and which groups are shown in which order.
public struct CountQuestion: Sendable {
    public enum Order: Sendable, Equatable {
        /// Smallest first.
        case field(CountField)
        /// Largest first.
        case measure(CountMeasure)
    }

    /// At most two; empty for one group of all events.
    public var fields: [CountField] = []
    public var sum: CountNumber?
    public var max: CountNumber?
    public var distinct: CountDistinct?
    /// In display order.
    public var measures: [CountMeasure] = [.events]
    public var conditions: [CountCondition] = []
    public var order = Order.measure(.events)
    public var isReversed = false
    public var top: Int?
    /// The question is not about events, but about recipients with messages not yet fetched: how many, and since when.
    public var isAboutWaiting = false
    /// How far back the comparison window lies, in microseconds of local wall-clock time.
    public var besideMicroseconds: Int64?

    public init() {}

    /// Whether events of a kind have every field asked for. Others are not counted.
    public func fits(_ kind: EventKind) -> Bool {
        for field in fields where !field.fits(kind) { return false }
        for number in [sum, max] { if let number, !kind.fields.contains(number.field) { return false } }
        if let distinct, !distinct.field.fits(kind) { return false }
        return kind == .auth || !measures.contains { $0.isAboutLogins }
    }

    public func has(_ measure: CountMeasure) -> Bool { measures.contains(measure) }
}

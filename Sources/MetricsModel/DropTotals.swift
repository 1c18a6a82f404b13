/// Dropped events, by kind and then by cause: the part of the counters that `CounterIndex.dropped` numbers.
public struct DropTotals: Sendable {
    public static let first = CounterIndex.dropped(.messageEnqueue, .ringFull)
    public static let count = EventKind.count * DropCause.count

    /// `count` of them.
    public var values = [UInt64](repeating: 0, count: DropTotals.count)

    public init() {}

    /// - Parameter counters: totals, indexed by `CounterIndex`.
    public init(_ counters: [UInt64]) {
        for index in 0..<Self.count where Self.first + index < counters.count { values[index] = counters[Self.first + index] }
    }

    public static func kind(_ index: Int) -> EventKind { EventKind.allCases[index / DropCause.count] }
    public static func cause(_ index: Int) -> DropCause { DropCause.allCases[index % DropCause.count] }

    public var sum: UInt64 { values.reduce(0, &+) }
    public func sum(_ kind: EventKind) -> UInt64 {
        DropCause.allCases.reduce(0) { $0 &+ values[kind.index * DropCause.count + $1.rawValue] }
    }
    public func sum(_ cause: DropCause) -> UInt64 {
        EventKind.allCases.reduce(0) { $0 &+ values[$1.index * DropCause.count + cause.rawValue] }
    }

    /// What was added since an earlier reading; a counter that is lower than it was has not grown.
    public func growth(since earlier: DropTotals) -> DropTotals {
        var growth = DropTotals()
        for index in 0..<Self.count where values[index] > earlier.values[index] {
            growth.values[index] = values[index] - earlier.values[index]
        }
        return growth
    }

    /// For each counter, the larger of the two values.
    public func larger(_ other: DropTotals) -> DropTotals {
        var larger = self
        for index in 0..<Self.count { larger.values[index] = max(values[index], other.values[index]) }
        return larger
    }

    public mutating func add(_ other: DropTotals) {
        for index in 0..<Self.count { values[index] &+= other.values[index] }
    }
}

/// What was dropped within one minute.
public struct DropMinute: Sendable {
    /// Minutes since 1970, UTC.
    public var minute: Int64
    public var drops: DropTotals

    public init(minute: Int64, drops: DropTotals) {
        self.minute = minute
        self.drops = drops
    }
}

/// Events that were dropped at times that are only known to lie within a span: those that were lost with a log, those whose list
/// was lost with it, and those that a running server has not listed yet. Times are UTC, microseconds since 1970.
public struct DropSpan: Sendable {
    /// When that was found out.
    public var found: Int64
    /// The earliest that one of them can have happened; 0 if nothing is known.
    public var since: Int64
    /// The latest.
    public var until: Int64
    public var drops: DropTotals
    /// Whether they are also listed as drops of the minute `found`.
    public var isListed: Bool

    public init(found: Int64, since: Int64, until: Int64, drops: DropTotals, isListed: Bool) {
        self.found = found
        self.since = min(since, until)
        self.until = until
        self.drops = drops
        self.isListed = isListed
    }
}

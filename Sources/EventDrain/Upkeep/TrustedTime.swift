import EventLog

/// The time of day, as far as it may decide what cannot be undone: which events are old enough to be removed, which key is
/// old enough to be retired. One reading of a clock is not enough for that: a machine that boots in the year 2400 would empty
/// its log.
///
/// The trusted time advances with the monotonic clock, from what the log last knew. A time of day more than a day away from
/// it, in either direction, is a jump, and is believed once it has held for six hours of running. Until then the earlier of
/// the two counts, so that too little is removed rather than too much.
///
/// One thread, the plugin's. Microseconds are UTC since 1970.
public struct TrustedTime {
    static let jumpMicroseconds: Int64 = 86_400_000_000
    static let holdNanoseconds: UInt64 = 6 * 3_600_000_000_000
    /// Interval at which the time is saved in the log.
    static let saveMicroseconds: Int64 = 3_600_000_000

    private var microseconds: Int64
    private var readAt: UInt64
    /// When the jump began, by the monotonic clock; nil without one.
    private var jumpedAt: UInt64?
    private var savedMicroseconds: Int64?

    /// - Parameter stored: what the log last knew: the time saved there, or else that of its newest event. Nil for an empty
    ///   log, which has nothing to lose.
    init(stored: Int64?, wall: Int64, monotonic: UInt64) {
        microseconds = stored ?? wall
        readAt = monotonic
        savedMicroseconds = stored
    }

    /// Starts from the time that a writer's log last knew.
    public static func begin(_ writer: EventLogWriter, wall: Int64, monotonic: UInt64) -> TrustedTime {
        TrustedTime(stored: (try? writer.lastKnownTime()) ?? nil, wall: wall, monotonic: monotonic)
    }

    /// Another log is in use, which does not have the time yet.
    mutating func forgetSaved() { savedMicroseconds = nil }

    public enum Change {
        /// By how much, in microseconds; negative if backward.
        case jumped(Int64)
        /// The jump has held long enough to be believed.
        case believed
        /// The time of day came back before it was believed.
        case returned
    }

    /// Takes in the current readings of both clocks.
    public mutating func read(wall: Int64, monotonic: UInt64) -> Change? {
        let passed = Int64(clamping: (monotonic &- readAt) / 1000)
        readAt &+= UInt64(passed) &* 1000
        microseconds = microseconds.addingReportingOverflow(passed).partialValue
        let (gap, overflow) = wall.subtractingReportingOverflow(microseconds)
        guard overflow || gap > Self.jumpMicroseconds || gap < -Self.jumpMicroseconds else {
            microseconds = wall
            defer { jumpedAt = nil }
            return jumpedAt == nil ? nil : .returned
        }
        guard let start = jumpedAt else {
            jumpedAt = monotonic
            return .jumped(overflow ? (wall > 0 ? .max : .min) : gap)
        }
        guard monotonic &- start >= Self.holdNanoseconds else { return nil }
        jumpedAt = nil
        microseconds = wall
        return .believed
    }

    /// The latest time that is beyond doubt.
    public func now(wall: Int64) -> Int64 { min(wall, microseconds) }

    /// The time to save in the log now; nil if what it has is close enough.
    mutating func timeToSave() -> Int64? {
        if let saved = savedMicroseconds, abs(clamped(microseconds, saved)) < Self.saveMicroseconds { return nil }
        savedMicroseconds = microseconds
        return microseconds
    }

    private func clamped(_ a: Int64, _ b: Int64) -> Int64 {
        let (difference, overflow) = a.subtractingReportingOverflow(b)
        return overflow || difference == .min ? .max : difference
    }
}

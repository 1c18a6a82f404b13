import EventLog

/// What the events of a window of time add up to, as far as the log itself knows.
public struct WindowSums {
    /// Rising, each minute, or first minute of a quarter of an hour, once; by `MinuteColumn`.
    public var minutes: [SegmentSummary.Minute] = []
    /// By `SizeMeasure`, then `SizeBucket`.
    public var sizes = [Int64](repeating: 0, count: SegmentSummary.sizeCount)
    /// Failed logins by reason, most first; no text for those without one.
    public var reasons: [(text: [UInt8]?, count: Int64)] = []
    /// The names in most events, most first, as they are shown.
    public var identities: [(name: [UInt8], count: Int64)] = []
    public var channels: [(name: [UInt8], count: Int64)] = []
    /// The users in most failed logins.
    public var failedUsers: [(name: [UInt8], count: Int64)] = []
    private let isByQuarter: Bool

    init(isByQuarter: Bool) { self.isByQuarter = isByQuarter }

    /// Minutes come nearly in order, so that most are gathered here and few are left to be merged.
    mutating func add(_ minute: SegmentSummary.Minute) {
        var minute = minute
        if isByQuarter {
            let into = minute.minute % 15
            minute.minute -= into < 0 ? into + 15 : into
        }
        if let last = minutes.last?.minute, last == minute.minute {
            minutes[minutes.count - 1].sums &+= minute.sums
        } else {
            minutes.append(minute)
        }
    }
}

import EventLog
import Readings

/// The totals of a time window's events, as far as the log itself can tell.
public struct WindowSums {
    /// Ascending, without duplicates: minutes, or the first minutes of quarter hours; by `MinuteColumn`.
    public var minutes: [SegmentSummary.Minute] = []
    /// By `SizeMeasure`, then `SizeBucket`.
    public var sizes = [Int64](repeating: 0, count: SegmentSummary.sizeCount)
    /// Failed logins by reason, most frequent first; nil for those without a reason.
    public var reasons: [(text: [UInt8]?, count: Int64)] = []
    /// The names in the most events, those with the most first.
    public var identities: [WindowStats.Term] = []
    public var channels: [WindowStats.Term] = []
    /// The users with the most failed logins.
    public var failedUsers: [WindowStats.Term] = []
    private let isByQuarter: Bool

    init(isByQuarter: Bool) { self.isByQuarter = isByQuarter }

    /// Minutes come nearly in order, so most are merged here and few are left for later.
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

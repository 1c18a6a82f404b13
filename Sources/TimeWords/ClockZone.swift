import Glibc

/// How far a place's clocks are from UTC, at any moment.
public struct ClockZone: Sendable {
    /// Seconds east of UTC at an instant, which is given in seconds since 1970 UTC.
    public let offsetSeconds: @Sendable (_ instant: Int64) -> Int64

    public init(offsetSeconds: @escaping @Sendable (_ instant: Int64) -> Int64) {
        self.offsetSeconds = offsetSeconds
    }

    public static let utc = ClockZone { _ in 0 }

    /// A zone that never changes its clocks, as in `+02:00`.
    public static func fixed(offsetSeconds: Int64) -> ClockZone { ClockZone { _ in offsetSeconds } }

    /// The process's own zone: the variable `TZ`, else the machine's. `TZ` is looked at when this
    /// is called.
    public static var local: ClockZone {
        // localtime_r need not look at TZ by itself.
        tzset()
        return ClockZone { instant in
            var time = time_t(instant)
            var parts = tm()
            guard localtime_r(&time, &parts) != nil else { return 0 }
            return Int64(parts.tm_gmtoff)
        }
    }

    /// The instant at which clocks here show `local` (seconds since 1970-01-01 00:00 of these
    /// clocks).
    ///
    /// Where clocks are set forward, a time that they skip is read by the offset from before the
    /// change, and so comes out as much later as the clocks jumped: in Berlin `2026-03-29 02:30` is
    /// 03:30 summer time. Where they are set back, a time that they show twice is its first
    /// showing. `mktime` leaves both to its implementation, and glibc's answer to the second
    /// depends on the calls before; this one does not.
    public func instant(ofLocalSeconds local: Int64) -> Int64 {
        // No zone changes its clocks twice in two days, nor by a day or more but by leaving out a
        // whole date.
        let before = local - offsetSeconds(local - 86_400)
        let after = local - offsetSeconds(local + 86_400)
        let beforeShows = before + offsetSeconds(before) == local
        let afterShows = after + offsetSeconds(after) == local
        if beforeShows && afterShows { return min(before, after) }
        return afterShows ? after : before
    }
}

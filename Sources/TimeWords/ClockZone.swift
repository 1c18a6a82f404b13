import Glibc

/// The offset of local clocks from UTC at any time.
public struct ClockZone: Sendable {
    /// Seconds east of UTC at an instant, given in seconds since 1970 UTC.
    public let offsetSeconds: @Sendable (_ instant: Int64) -> Int64

    public init(offsetSeconds: @escaping @Sendable (_ instant: Int64) -> Int64) {
        self.offsetSeconds = offsetSeconds
    }

    public static let utc = ClockZone { _ in 0 }

    /// A zone whose clocks never change, such as `+02:00`.
    public static func fixed(offsetSeconds: Int64) -> ClockZone { ClockZone { _ in offsetSeconds } }

    /// The process's own zone: from the variable `TZ`, read when this is called, or otherwise the machine's.
    public static var local: ClockZone {
        // localtime_r is not required to read TZ itself.
        tzset()
        return ClockZone { instant in
            var time = time_t(instant)
            var parts = tm()
            guard localtime_r(&time, &parts) != nil else { return 0 }
            return Int64(parts.tm_gmtoff)
        }
    }

    /// The instant at which this zone's clocks show `local`, in seconds since 1970-01-01 00:00 by those clocks.
    ///
    /// Where clocks are set forward, a skipped time is read with the offset from before the change, and so comes out later by as
    /// much as the clocks jumped: in Berlin `2026-03-29 02:30` is 03:30 summer time. Where they are set back, a time that occurs
    /// twice means its first occurrence. `mktime` leaves both cases to the implementation, and glibc's answer to the second
    /// depends on earlier calls; this one does not.
    public func instant(ofLocalSeconds local: Int64) -> Int64 {
        // No zone changes its clocks twice within two days, or by a day or more except by skipping a whole date.
        let before = local - offsetSeconds(local - 86_400)
        let after = local - offsetSeconds(local + 86_400)
        let beforeShows = before + offsetSeconds(before) == local
        let afterShows = after + offsetSeconds(after) == local
        if beforeShows && afterShows { return min(before, after) }
        return afterShows ? after : before
    }
}

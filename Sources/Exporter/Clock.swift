import Glibc

/// Clock readings, and times in the formats of HTTP, the log and the page.
enum Clock {
    static func realtimeNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func parts(_ seconds: Int) -> tm {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return parts
    }

    private static func padded(_ value: some BinaryInteger, _ width: Int = 2) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// `2026-11-22T21:53:34.123Z`
    static func timestamp() -> String {
        let now = realtimeNanoseconds()
        let p = parts(Int(now / 1_000_000_000))
        let date = "\(p.tm_year + 1900)-\(padded(p.tm_mon + 1))-\(padded(p.tm_mday))"
        let milliseconds = padded(now / 1_000_000 % 1000, 3)
        return "\(date)T\(padded(p.tm_hour)):\(padded(p.tm_min)):\(padded(p.tm_sec)).\(milliseconds)Z"
    }

    /// `2026-11-22 21:53:34 UTC`
    static func readable(seconds: Int) -> String {
        let p = parts(seconds)
        let date = "\(p.tm_year + 1900)-\(padded(p.tm_mon + 1))-\(padded(p.tm_mday))"
        return "\(date) \(padded(p.tm_hour)):\(padded(p.tm_min)):\(padded(p.tm_sec)) UTC"
    }

    /// `21:53`
    static func hourAndMinute(seconds: Int) -> String {
        let p = parts(seconds)
        return "\(padded(p.tm_hour)):\(padded(p.tm_min))"
    }

    /// `11-22`
    static func monthAndDay(seconds: Int) -> String {
        let p = parts(seconds)
        return "\(padded(p.tm_mon + 1))-\(padded(p.tm_mday))"
    }

    /// HTTP's `Date`: `Sun, 22 Nov 2026 21:53:34 GMT`
    static func httpDate(seconds: Int) -> String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let p = parts(seconds)
        let date = "\(days[Int(p.tm_wday)]), \(padded(p.tm_mday)) \(months[Int(p.tm_mon)]) \(p.tm_year + 1900)"
        return "\(date) \(padded(p.tm_hour)):\(padded(p.tm_min)):\(padded(p.tm_sec)) GMT"
    }
}

import TimeWords

/// Writes moments for people: `2026-11-22 22:53:34.123`, in a zone, to the millisecond.
public enum LocalTime {
    /// The text of a moment in microseconds since 1970 UTC.
    public static func text(_ microseconds: Int64, zone: ClockZone) -> String {
        let instant = CivilDate.floorDivide(microseconds, 1_000_000)
        let local = instant &+ zone.offsetSeconds(instant)
        let day = CivilDate.floorDivide(local, 86_400)
        let date = CivilDate(daysSince1970: day)
        let second = local &- day &* 86_400
        let milliseconds = (microseconds &- instant &* 1_000_000) / 1000
        return
            "\(padded(Int64(date.year), 4))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2)) "
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
            + ".\(padded(milliseconds, 3))"
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

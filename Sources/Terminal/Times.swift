import TimeWords

/// Formats times as `2026-11-22T21:53:34.123456Z`.
///
/// Events come in time order, so the date, and often the second, is nearly always that of the previous event; only what differs
/// is computed again.
public struct UTCTime {
    /// The bytes up to the second, including the point.
    private var text = [UInt8]("1970-01-01T00:00:00.".utf8)
    /// What `text` shows, in seconds since 1970.
    private var second: Int64 = 0
    /// The date in `text`, in days since 1970.
    private var day: Int64 = 0

    public init() {}

    /// The text of a single time in microseconds since 1970.
    public static func text(_ microseconds: Int64) -> String {
        var output = ByteBuffer(capacity: 32)
        var time = UTCTime()
        time.append(microseconds, to: &output)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// Writes a time in microseconds since 1970.
    public mutating func append(_ microseconds: Int64, to output: inout ByteBuffer) {
        let newSecond = CivilDate.floorDivide(microseconds, 1_000_000)
        if newSecond != second { set(newSecond) }
        output.append(text)
        output.append(decimal: UInt64(bitPattern: microseconds &- newSecond &* 1_000_000), digits: 6)
        output.append(0x5A)
    }

    private mutating func set(_ newSecond: Int64) {
        second = newSecond
        let newDay = CivilDate.floorDivide(newSecond, 86_400)
        if newDay != day {
            day = newDay
            let date = CivilDate(daysSince1970: newDay)
            // A damaged log can hold any number, but the text has a fixed length.
            let year = min(max(date.year, 0), 9999)
            set(year / 100, at: 0)
            set(year % 100, at: 2)
            set(date.month, at: 5)
            set(date.day, at: 8)
        }
        let secondOfDay = Int(newSecond &- newDay &* 86_400)
        set(secondOfDay / 3600, at: 11)
        set(secondOfDay / 60 % 60, at: 14)
        set(secondOfDay % 60, at: 17)
    }

    private mutating func set(_ twoDigits: Int, at index: Int) {
        text[index] = 0x30 + UInt8(truncatingIfNeeded: twoDigits / 10)
        text[index + 1] = 0x30 + UInt8(truncatingIfNeeded: twoDigits % 10)
    }
}

/// Formats times for people: `2026-11-22 22:53:34.123`, in a zone, to the millisecond.
public enum LocalTime {
    /// The text of a time in microseconds since 1970 UTC.
    public static func text(_ microseconds: Int64, zone: ClockZone) -> String {
        let instant = CivilDate.floorDivide(microseconds, 1_000_000)
        let local = instant &+ zone.offsetSeconds(instant)
        let day = CivilDate.floorDivide(local, 86_400)
        let date = CivilDate(daysSince1970: day)
        let second = local &- day &* 86_400
        let milliseconds = (microseconds &- instant &* 1_000_000) / 1000
        return "\(padded(Int64(date.year), 4))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2)) "
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2)).\(padded(milliseconds, 3))"
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

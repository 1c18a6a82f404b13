import TimeWords

/// Writes moments as `2026-11-22T21:53:34.123456Z`.
///
/// Events come in the order of time, so nearly always the date, and often the second, is that of
/// the event before, and only the rest is worked out anew.
public struct UTCTime {
    /// The bytes up to the second, with the point.
    private var text = [UInt8]("1970-01-01T00:00:00.".utf8)
    /// What `text` says, in seconds since 1970.
    private var second: Int64 = 0
    /// The date in `text`, in days since 1970.
    private var day: Int64 = 0

    /// The text of a single moment in microseconds since 1970.
    public static func text(_ microseconds: Int64) -> String {
        var output = ByteBuffer(capacity: 32)
        var time = UTCTime()
        time.append(microseconds, to: &output)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// Writes a moment in microseconds since 1970.
    mutating func append(_ microseconds: Int64, to output: inout ByteBuffer) {
        let newSecond = CivilDate.floorDivide(microseconds, 1_000_000)
        if newSecond != second { set(newSecond) }
        output.append(text)
        output.append(
            decimal: UInt64(bitPattern: microseconds &- newSecond &* 1_000_000), digits: 6)
        output.append(0x5A)
    }

    private mutating func set(_ newSecond: Int64) {
        second = newSecond
        let newDay = CivilDate.floorDivide(newSecond, 86_400)
        if newDay != day {
            day = newDay
            let date = CivilDate(daysSince1970: newDay)
            // No moment of the log is outside the four-digit years; text of a fixed length must do
            // for any number.
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

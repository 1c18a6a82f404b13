/// A time, as people and machines write it:
///
///     2026-11-22T14:00:05.123456Z   RFC 3339, with any zone
///     2026-11-22                    midnight that day
///     2026-11-22 14:00[:05[.123]]   also with T; also after a day's name, as systemd prints it
///     14:00[:05]                    today
///     yesterday, today, tomorrow    midnight; a time may follow
///     now
///     -2h, +2h                      before and after now
///     90m, 1h30m, 2 weeks           before now
///     3 days ago, 3 hours left      before and after now
///     @1763820000[.5]               seconds since 1970 UTC
///
/// A date or time may end in a zone: `Z`, `UTC`, `GMT`, `+02:00`, `+0200` or `+02`; without one, the zone given to `parse`
/// applies. See `ClockZone.instant` for times that clock changes skip or repeat. Forms that systemd also accepts mean the same
/// here, except that a nonexistent day is an error, where systemd rolls over. Fractions are truncated to microseconds.
public enum TimeExpression {
    /// The time in microseconds since 1970 UTC.
    public static func parse(
        _ text: String, now: Int64, zone: ClockZone = .local
    ) throws(ExpressionError) -> Int64 {
        var reader = TimeReader(text: text, now: now, zone: zone)
        return try reader.read()
    }
}

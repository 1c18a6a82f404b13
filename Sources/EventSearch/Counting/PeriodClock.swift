import Readings
import TimeWords

/// Which minute, hour, day, weekday or hour of the day a time lies in, by the clocks of a zone.
final class PeriodClock {
    private let zone: ClockZone
    private let field: CountField
    /// Added to what the clocks show, in seconds: brings an earlier window beside a later one.
    private let shift: Int64
    /// Times come nearly in order: keys of minutes met lately, by the minute's low bits.
    private var known: [(minute: Int64, key: Int64)] = Array(repeating: (.min, 0), count: 1024)
    private var day: (local: Int64, start: Int64) = (.min, 0)

    /// - Parameter field: one of time.
    init(_ field: CountField, zone: ClockZone, shiftMicroseconds: Int64) {
        self.field = field
        self.zone = zone
        shift = CivilDate.floorDivide(shiftMicroseconds, 1_000_000)
    }

    /// The key of the period that a time in microseconds since 1970 UTC lies in: its start in seconds since 1970 UTC, the
    /// weekday from 0 for Monday, or the hour.
    @inline(__always)
    func key(_ microseconds: Int64) -> Int64 {
        key(minute: CivilDate.floorDivide(microseconds, 60_000_000))
    }

    /// Of a minute since 1970 UTC.
    @inline(__always)
    func key(minute: Int64) -> Int64 {
        let place = Int(truncatingIfNeeded: minute & 1023)
        if known[place].minute == minute { return known[place].key }
        let key = computed(minute)
        known[place] = (minute, key)
        return key
    }

    private func computed(_ minute: Int64) -> Int64 {
        var instant = minute &* 60
        if shift != 0 { instant = zone.instant(ofLocalSeconds: instant &+ zone.offsetSeconds(instant) &+ shift) }
        guard field != .minute else { return instant }
        let offset = zone.offsetSeconds(instant)
        let local = instant &+ offset
        switch field {
        case .hour: return CivilDate.floorDivide(local, 3600) &* 3600 &- offset
        case .weekday: return Int64(CivilDate(daysSince1970: CivilDate.floorDivide(local, 86_400)).weekday)
        case .hourOfDay: return CivilDate.floorDivide(local, 3600) &- CivilDate.floorDivide(local, 86_400) &* 24
        default:
            let today = CivilDate.floorDivide(local, 86_400)
            if today != day.local { day = (today, zone.instant(ofLocalSeconds: today &* 86_400)) }
            return day.start
        }
    }
}

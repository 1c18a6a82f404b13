import Readings
import TimeWords

/// Which minute, hour, day, weekday or hour of the day a time falls in, by a zone's clocks.
final class PeriodClock {
    private let zone: ClockZone
    private let field: CountField
    /// Seconds added to the local time: lines an earlier window up with a later one.
    private let shift: Int64
    /// Times come nearly in order, so this caches the keys of recent minutes, indexed by the minute's low bits.
    private var known: [(minute: Int64, key: Int64)] = Array(repeating: (.min, 0), count: 1024)
    private var day: (local: Int64, start: Int64) = (.min, 0)

    /// - Parameter field: a time field.
    init(_ field: CountField, zone: ClockZone, shiftMicroseconds: Int64) {
        self.field = field
        self.zone = zone
        shift = CivilDate.floorDivide(shiftMicroseconds, 1_000_000)
    }

    /// The key of the period that contains a time, given in microseconds since 1970 UTC: the period's start in seconds since 1970
    /// UTC, the weekday with 0 for Monday, or the hour.
    @inline(__always)
    func key(_ microseconds: Int64) -> Int64 {
        key(minute: CivilDate.floorDivide(microseconds, 60_000_000))
    }

    /// The same for a minute since 1970 UTC.
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

import Readings
import TimeWords

/// A window's periods in time's order, merged until they fit a number of lines; those without events between the first and the
/// last are there too.
struct StatsCourse {
    struct Step {
        /// UTC, microseconds since 1970.
        var start: Int64
        var events: Int64 = 0
        var failedLogins: Int64 = 0
    }

    /// How many periods make a step.
    let periods: Int
    let steps: [Step]

    init(_ stats: WindowStats, zone: ClockZone, limit: Int) {
        let unit = stats.unit.microseconds / 1_000_000
        // By the clock on the wall: a step of two hours begins at an even hour also after clocks have changed.
        func local(_ period: WindowStats.Period) -> Int64 {
            let second = CivilDate.floorDivide(period.start, 1_000_000)
            return CivilDate.floorDivide(second + zone.offsetSeconds(second), unit)
        }
        let places = stats.periods.map(local)
        guard let first = places.min(), let last = places.max() else {
            (periods, steps) = (1, [])
            return
        }
        // Days begin with the first one; minutes and hours where a clock's face has a mark.
        let origin = stats.unit == .day ? first : 0
        func step(_ place: Int64, _ size: Int) -> Int64 { CivilDate.floorDivide(place - origin, Int64(size)) }
        let size = Self.sizes(stats.unit).first { step(last, $0) - step(first, $0) < limit }
        // A very long window: as many as it takes.
        let chosen = size ?? Int(clamping: (last - first) / Int64(max(1, limit - 1)) + 1)
        var steps = (step(first, chosen)...step(last, chosen)).map { index in
            let start = zone.instant(ofLocalSeconds: (origin + index * Int64(chosen)) * unit)
            return Step(start: start * 1_000_000)
        }
        for (period, place) in zip(stats.periods, places) {
            let index = Int(step(place, chosen) - step(first, chosen))
            steps[index].events &+= period.sum
            steps[index].failedLogins &+= period.failedLogins
        }
        periods = chosen
        self.steps = stats.periods.count > 1 && stats.periods[0].start > stats.periods[1].start ? steps.reversed() : steps
    }

    private static func sizes(_ unit: TimeUnit) -> [Int] {
        switch unit {
        case .minute: [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440]
        case .hour: [1, 2, 3, 4, 6, 8, 12, 24]
        case .day: [1, 2, 3, 5, 7, 14, 28]
        }
    }
}

import EventLog
import MetricsModel
import Readings
import TimeWords

extension EventLogReader {
    /// Counts dropped events, in groups.
    ///
    /// - Parameter minutes: the window's. One that lies partly in the window counts as a whole.
    public func countingDrops(
        _ question: CountQuestion, _ filter: EventFilter, minutes: [DropMinute], zone: ClockZone
    ) throws(CountError) -> CountAnswer {
        var groups = CountGroups(question)
        let clocks = question.fields.map { PeriodClock($0.isTime ? $0 : .minute, zone: zone, shiftMicroseconds: 0) }
        for minute in minutes {
            for index in 0..<DropTotals.count where minute.drops.values[index] > 0 {
                let kind = DropTotals.kind(index)
                guard filter.holds(kind) else { continue }
                var keys: [Int64] = [0, 0]
                for (place, field) in question.fields.enumerated() {
                    switch field {
                    case .kind: keys[place] = Int64(kind.index)
                    case .cause: keys[place] = Int64(DropTotals.cause(index).rawValue)
                    default: keys[place] = clocks[place].key(minute: minute.minute)
                    }
                }
                guard let group = groups.index(keys[0], keys[1]) else { continue }
                groups.add(Int64(clamping: minute.drops.values[index]), to: group)
            }
        }
        if groups.isFull { throw .tooManyGroups(limit: groups.limit) }
        do throws(LogError) {
            return try CountRanking(question, groups, DistinctPairs(), database).answer()
        } catch {
            throw .log(error)
        }
    }
}

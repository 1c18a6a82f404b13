import EventLog
import MetricsModel
import Readings
import TimeWords

extension EventLogReader {
    /// Counts the events that match a filter, in groups. All reads are from one snapshot of the log, and their transaction has
    /// ended on return.
    ///
    /// - Parameter now: where an open-ended window ends when it is compared with an earlier one: UTC, microseconds since 1970.
    /// - Parameter zone: the zone of the hours and days.
    public func counting(
        _ question: CountQuestion, _ filter: EventFilter, now: Int64, zone: ClockZone
    ) throws(CountError) -> CountAnswer {
        do throws(LogError) {
            try database.execute("BEGIN", operation: "read")
        } catch {
            throw .log(error)
        }
        defer { try? database.execute("ROLLBACK", operation: "read") }
        var counter = EventCounter(question, zone: zone, database)
        do throws(LogError) {
            var filter = filter
            if filter.newest != nil {
                guard try boundsInTransaction(&filter) != nil else { return CountAnswer(question) }
            }
            try counter.add(filter, shift: 0)
            if let back = question.besideMicroseconds {
                try counter.add(Self.earlier(filter, back, now: now, zone), shift: back)
            }
        } catch {
            throw .log(error)
        }
        if counter.groups.isFull { throw .tooManyGroups(limit: counter.groups.limit) }
        if counter.pairs.isFull { throw .tooManyNames(limit: DistinctPairs.limit) }
        do throws(LogError) {
            return try CountRanking(question, counter.groups, counter.pairs, database).answer()
        } catch {
            throw .log(error)
        }
    }

    /// The same window, moved back by that much local wall-clock time.
    private static func earlier(_ filter: EventFilter, _ back: Int64, now: Int64, _ zone: ClockZone) -> EventFilter {
        func moved(_ time: Int64) -> Int64 {
            let second = CivilDate.floorDivide(time, 1_000_000)
            let local = second &+ zone.offsetSeconds(second) &- CivilDate.floorDivide(back, 1_000_000)
            return zone.instant(ofLocalSeconds: local) &* 1_000_000 &+ (time &- second &* 1_000_000)
        }
        var earlier = filter
        earlier.sinceMicroseconds = filter.sinceMicroseconds.map(moved)
        earlier.untilMicroseconds = moved(filter.untilMicroseconds ?? now)
        return earlier
    }
}

/// Decides what to read for a question, and adds it up. Valid within the open transaction.
struct EventCounter {
    private let question: CountQuestion
    private let zone: ClockZone
    private let database: Database
    private(set) var groups: CountGroups
    private(set) var pairs = DistinctPairs()

    init(_ question: CountQuestion, zone: ClockZone, _ database: Database) {
        self.question = question
        self.zone = zone
        self.database = database
        groups = CountGroups(question)
    }

    /// - Parameter shift: how much earlier the filter's window lies than the one asked about, in microseconds.
    mutating func add(_ filter: EventFilter, shift: Int64) throws(LogError) {
        var filter = filter
        // Only failed logins have a class.
        if question.fields.contains(.failureClass) { filter.failedOnly = true }
        let kinds = EventKind.allCases.filter { filter.holds($0) && question.fits($0) }
        guard !kinds.isEmpty else { return }
        filter.kinds = kinds
        groups.isEarlier = shift != 0
        let classes = question.fields.contains(.failureClass) ? try ReasonClasses(database) : nil
        if let way = SegmentCounter.way(of: question, filter) {
            let counter = try SegmentCounter(
                way, question, filter, kinds: kinds, zone: zone, shift: shift, classes, database)
            return try counter.add(to: &groups, &pairs)
        }
        for plan in try KindQuery.plans(filter, descending: false, database) {
            let rows = RowCounter(question, plan.kind, zone: zone, shift: shift, classes)
            while let condition = try plan.nextCondition() {
                try rows.add(condition, to: &groups, &pairs, database)
                if groups.isFull || pairs.isFull { return }
            }
        }
    }
}

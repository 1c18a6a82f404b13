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
        var counter = EventCounter(question, zone: zone, self)
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
    private let log: EventLogReader
    private let database: Database
    private(set) var groups: CountGroups
    private(set) var pairs = DistinctPairs()

    init(_ question: CountQuestion, zone: ClockZone, _ log: EventLogReader) {
        self.question = question
        self.zone = zone
        self.log = log
        database = log.database
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
        if let source = SegmentCounter.source(of: question, filter) {
            let counter = try SegmentCounter(
                source, question, filter, kinds: kinds, zone: zone, shift: shift, classes, database)
            return try counter.add(to: &groups, &pairs)
        }
        let keys = try FilterTerms.keys(of: filter, database)
        if let team = try team(filter, shift, keys, classes) {
            let counters = EventKind.allCases.map {
                question.fits($0) ? RowCounter(question, $0, zone: zone, shift: shift, classes) : nil
            }
            while let part = try team.next() {
                counters[part.kind.index]?.add(part.rows, to: &groups, &pairs)
                if groups.isFull || pairs.isFull { return }
            }
            return
        }
        for plan in try KindQuery.plans(filter, descending: false, keys: keys, database) {
            let rows = RowCounter(question, plan.kind, zone: zone, shift: shift, classes)
            while let condition = try plan.nextCondition() {
                try rows.add(condition, to: &groups, &pairs, database)
                if groups.isFull || pairs.isFull { return }
            }
        }
    }

    private struct Part: Sendable {
        var kind: EventKind
        var rows: RowCounter.Rows
    }

    /// Rows that a thread hands over at once.
    private static let rowsAtOnce = 4096

    /// Threads that read the rows, which take most of the time; nil if there are few rows, or if they cannot be had.
    private func team(
        _ filter: EventFilter, _ shift: Int64, _ keys: [[UInt8]]?, _ classes: ReasonClasses?
    ) throws(LogError) -> ReaderTeam<Part>? {
        let pieces = try EventPieces(forCounting: filter, keys: keys, database)
        guard pieces.areMany else { return nil }
        let helpers = log.helpersInTransaction()
        guard !helpers.isEmpty else { return nil }
        let (question, zone) = (question, zone)
        return ReaderTeam.start(helpers, pieces: pieces.count) { (log, piece, deliver) throws(LogError) in
            for plan in try KindQuery.plans(pieces.filter(piece), descending: false, keys: keys, log.database) {
                let rows = RowCounter(question, plan.kind, zone: zone, shift: shift, classes)
                var isWanted = true
                while isWanted, let condition = try plan.nextCondition() {
                    try rows.read(condition, log.database, batch: Self.rowsAtOnce) {
                        isWanted = deliver(Part(kind: plan.kind, rows: $0))
                        return isWanted
                    }
                }
                guard isWanted else { return }
            }
        }
    }
}

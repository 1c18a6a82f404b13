import EventLog
import EventSearch
import MetricsModel
import Readings
import TimeWords

/// What a server did in a window of time, read from its log.
public struct StatsQuery: Sendable {
    /// The window, which includes `since` and excludes `until`: UTC, microseconds since 1970.
    public var since: Int64
    public var until: Int64
    /// Nil to choose one that suits the window's length.
    public var unit: TimeUnit?
    /// How many identities, channels and users to name.
    public var top: Int
    public var now: Int64
    /// The zone whose hours and days form the periods.
    public var zone: ClockZone
    /// Which of the window's events; its times do not matter. `reversed` puts the newest period first.
    public var filter: EventFilter

    public init(
        since: Int64, until: Int64, unit: TimeUnit?, top: Int, now: Int64, zone: ClockZone, filter: EventFilter = EventFilter()
    ) {
        self.since = since
        self.until = until
        self.unit = unit
        self.top = top
        self.now = now
        self.zone = zone
        self.filter = filter
    }

    public func ask(_ log: EventLogReader) throws(LogError) -> WindowStats {
        try log.summing { (window) throws(LogError) in
            let (length, isTooLong) = until.subtractingReportingOverflow(since)
            let unit = unit ?? .fitting(windowMicroseconds: isTooLong ? .max : length)
            let filter = try window.bounded(windowed)
            let sums =
                filter.isEverything
                ? try window.sums(since: since, until: until, isByQuarter: unit != .minute, top: top)
                : try window.sums(matching: filter, isByQuarter: unit != .minute, top: top)
            let extent = try window.extent()
            var stats = WindowStats(since: since, until: until, unit: unit)
            stats.isFiltered = !filter.isEverything
            if let extent {
                stats.log = .init(
                    events: try window.events().reduce(0, &+), oldest: extent.oldest, newest: extent.newest)
            }
            // Events from one of them on fill no span of time that would give a rate, or that another day has.
            if filter.afterID == nil, filter.beforeID == nil {
                if let extent {
                    stats.ratedMicroseconds = max(0, min(until, max(now, extent.newest)) &- max(since, extent.oldest))
                }
                stats.comparison = try comparison(window, filter, oldest: extent?.oldest)
            }
            addTotals(of: sums, to: &stats)
            stats.periods = Self.periods(sums.minutes, unit, zone)
            if filter.reversed { stats.periods.reverse() }
            stats.reasons = sums.reasons.map { reason in
                WindowStats.Reason(
                    text: reason.text,
                    failureClass: FailureClass(loggedReason: reason.text ?? []), events: reason.count)
            }
            stats.sizes = SizeName.allCases.map { size in
                let start = size.measure.rawValue * SizeBucket.count
                return SizeQuantiles.percentiles(sums.sizes[start..<start + SizeBucket.count])
            }
            if !stats.isFiltered { stats.waits = SizeQuantiles.waits(try log.deliveryWaits(since: since, until: until)) }
            stats.identities = sums.identities
            stats.channels = sums.channels
            stats.failedUsers = sums.failedUsers
            return stats
        }
    }

    private var windowed: EventFilter {
        var filter = filter
        (filter.sinceMicroseconds, filter.untilMicroseconds) = (since, until)
        return filter
    }

    private func comparison(
        _ window: WindowReader, _ filter: EventFilter, oldest: Int64?
    ) throws(LogError) -> WindowStats.Comparison {
        func events(since: Int64, until: Int64) throws(LogError) -> [Int64] {
            if filter.isEverything { return try window.events(since: since, until: until) }
            var filter = filter
            (filter.sinceMicroseconds, filter.untilMicroseconds) = (since, until)
            return try window.events(matching: filter)
        }
        let day = WindowStats.Comparison.dayMicroseconds
        let start = max(since, until < Int64.min + 2 * day ? Int64.min : until - day)
        let before = start < Int64.min + day ? Int64.min : start - day
        return WindowStats.Comparison(
            since: start, until: until, events: try events(since: start, until: until),
            before: try events(since: before, until: max(before, until < Int64.min + day ? Int64.min : until - day)),
            beforeIsWhole: oldest.map { $0 <= before } ?? false)
    }

    private func addTotals(of sums: WindowSums, to stats: inout WindowStats) {
        var all = SIMD16<Int64>.zero
        for minute in sums.minutes { all &+= minute.sums }
        func sum(_ column: MinuteColumn) -> Int64 { all[column.rawValue] }
        stats.events = EventKind.allCases.map { sum(.events($0)) }
        stats.single.events = sum(.message)
        stats.single.sealed = sum(.messageSealed)
        stats.single.bytes = UInt64(bitPattern: sum(.messageBytes))
        stats.batch.events = sum(.batchMessage)
        stats.batch.sealed = sum(.batchMessageSealed)
        stats.batch.bytes = UInt64(bitPattern: sum(.batchMessageBytes))
        stats.failedLogins = sum(.authFailed)
        stats.newChannels = sum(.channelNew)
        stats.emptyFetches = sum(.fetchEmpty)
        stats.fetchedMessages = UInt64(bitPattern: sum(.fetchMessages))
    }

    /// Groups minutes into the periods of a zone.
    static func periods(
        _ minutes: [SegmentSummary.Minute], _ unit: TimeUnit, _ zone: ClockZone
    ) -> [WindowStats.Period] {
        var periods: [WindowStats.Period] = []
        // The end of the newest period.
        var end = Int64.min
        for minute in minutes {
            let time = minute.minute &* 60
            if time >= end || periods.isEmpty {
                let (start, next) = bounds(of: unit, at: time, zone)
                end = next
                let last = periods.last?.start
                if last == nil || last != start &* 1_000_000 {
                    periods.append(WindowStats.Period(start: start &* 1_000_000, events: .zero))
                }
            }
            for kind in EventKind.allCases {
                periods[periods.count - 1].events[kind.index] &+= minute.sums[MinuteColumn.events(kind).rawValue]
            }
            periods[periods.count - 1].failedLogins &+= minute.sums[MinuteColumn.authFailed.rawValue]
        }
        return periods.filter { $0.sum != 0 }
    }

    /// The period that contains a time, in seconds since 1970: its start, and the time up to which that start is certain to hold.
    /// If clocks change within the period, that is only the next minute.
    private static func bounds(of unit: TimeUnit, at time: Int64, _ zone: ClockZone) -> (Int64, Int64) {
        let offset = zone.offsetSeconds(time)
        let local = time &+ offset
        switch unit {
        case .minute: return (time, time &+ 60)
        case .hour:
            let start = CivilDate.floorDivide(local, 3600) &* 3600 &- offset
            let isWhole = zone.offsetSeconds(start &+ 3599) == offset
            return (start, isWhole ? start &+ 3600 : time &+ 60)
        case .day:
            let day = CivilDate.floorDivide(local, 86_400)
            return (zone.instant(ofLocalSeconds: day &* 86_400), zone.instant(ofLocalSeconds: (day &+ 1) &* 86_400))
        }
    }
}

extension SizeName {
    /// The corresponding measure of the log.
    var measure: SizeMeasure {
        switch self {
        case .messagePayloadBytes: .payload
        case .batchPayloadBytes: .batchPayload
        case .batchMessages: .batch
        case .fetchMessages: .fetch
        }
    }
}

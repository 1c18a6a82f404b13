import CMachine
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel

/// The past values of the event counters, at even steps: their values now, minus what the log's events since then added.
///
/// Only counters that can be derived from rows are known: calls, events, messages, sealed messages, content histograms, failures
/// by class, new channels, and drops by cause. One thread.
public final class CounterHistory {
    /// The points: UTC, microseconds since 1970. There is at least one.
    public let first: Int64
    public let step: Int64
    public let count: Int
    /// The time counted back from; not before the last point.
    public let end: Int64

    /// By counter: what was added between each point and the one before it, with one more entry for what came after the last
    /// point, up to `end`. Nil for counters to which nothing was added.
    private var added: [UnsafeMutablePointer<UInt64>?]
    /// The counters at `end`, by `CounterIndex`.
    private var totals: [UInt64]
    /// Whether rows add up to more than some counter's value, which happens only if the log's account is damaged or another
    /// log's.
    public private(set) var mismatched = false

    /// The most points per query: 40 MiB.
    public static let limit = 64_800

    init(first: Int64, step: Int64, count: Int, end: Int64, totals: [UInt64]) {
        (self.first, self.step, self.count, self.end, self.totals) = (first, step, count, end, totals)
        added = [UnsafeMutablePointer<UInt64>?](repeating: nil, count: CounterIndex.words)
    }

    deinit { for column in added { free(column) } }

    public func time(_ point: Int) -> Int64 { first + Int64(point) * step }

    /// A counter's total at `end`, as the log has it.
    public func total(_ index: Int) -> UInt64 { totals[index] }

    /// What was added to a counter after the previous point and up to this one; at `count`, what came after the last point.
    @inline(__always)
    public func added(_ index: Int, at point: Int) -> UInt64 { added[index]?[point] ?? 0 }

    // MARK: Filling

    /// Where an event's counts go.
    struct Sink: CounterSink {
        let history: CounterHistory
        let point: Int

        @inline(__always)
        func add(_ value: UInt64, to index: Int) {
            // Later than the time counted back from.
            if point > history.count { return history.takeBack(value, index) }
            let column = history.added[index] ?? history.column(index)
            column[point] &+= value
        }

        @inline(__always)
        func addReleasing(_ value: UInt64, to index: Int) { add(value, to: index) }
    }

    private func takeBack(_ value: UInt64, _ index: Int) {
        if totals[index] < value { mismatched = true }
        totals[index] -= min(value, totals[index])
    }

    private func column(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        // SAFETY: zeroed memory is counts of 0.
        let column = calloc(count + 1, MemoryLayout<UInt64>.stride).assumingMemoryBound(to: UInt64.self)
        added[index] = column
        return column
    }

    /// Nil for an event that is not after the first point.
    @inline(__always)
    func sink(at time: Int64) -> Sink? {
        if time <= first { return nil }
        if time > end { return Sink(history: self, point: count + 1) }
        return Sink(history: self, point: min(count, Int((time - first + step - 1) / step)))
    }
}

extension EventLogReader {
    /// Reads the counters' past from one snapshot of the log; no transaction is open afterwards.
    ///
    /// - Parameters:
    ///   - since: no point is earlier; nil for the log's beginning.
    ///   - end: the time to count back from; points are before it.
    ///   - step: in microseconds.
    /// - Returns: `.nothing` if the log has no events or no point lies in the window; `.tooMany` with their number if there are
    ///   too many points.
    public func counterHistory(since: Int64?, end: Int64, step: Int64) throws(LogError) -> CounterHistoryAnswer {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        guard let oldest = try OldestEvent.read(database) else { return .nothing }
        let state = try StoredState.read(database)
        let totals = (0..<CounterIndex.words).map { state.ringed[$0] &+ state.direct[$0] }
        // Events that have left the log came before its oldest one, perhaps in the same step, so start with the next step.
        let isWhole = EventKind.allCases.allSatisfy { kind in
            totals[CounterIndex.lost(kind)] == 0
                && RemovalCause.allCases.allSatisfy { totals[CounterIndex.removed(kind, $0)] == 0 }
        }
        let begin = isWhole ? Self.floor(oldest - 1, step) : Self.floor(oldest - 1, step) + step
        let first = max(begin, since.map { Self.floor($0 - 1, step) + step } ?? .min)
        let last = Self.floor(end - 1, step)
        guard first <= last else { return .nothing }
        let points = (last - first) / step + 1
        guard points <= Int64(CounterHistory.limit) else { return .tooMany(points) }
        let history = CounterHistory(first: first, step: step, count: Int(points), end: end, totals: totals)
        for ids in try ranges(after: first) {
            for kind in EventKind.allCases { try add(kind, ids, to: history) }
        }
        for minute in try DropTable.read(since: first, until: .max, in: database) {
            for kind in EventKind.allCases {
                for cause in DropCause.allCases {
                    let events = minute.drops.values[kind.index * DropCause.count + cause.rawValue]
                    guard events > 0, let sink = history.sink(at: (minute.minute + 1) * 60_000_000) else { continue }
                    sink.add(events, to: CounterIndex.dropped(kind, cause))
                    // A hook counts what it drops in the same minute. For events lost later, it is unknown when they were
                    // counted.
                    if cause == .ringFull || cause == .noSlot { Tally.recorded(kind, events: events, into: sink) }
                }
            }
        }
        return .history(history)
    }

    private static func floor(_ time: Int64, _ step: Int64) -> Int64 {
        let into = time % step
        return time - (into < 0 ? into + step : into)
    }

    /// The ids of segments that may hold events after this time.
    private func ranges(after time: Int64) throws(LogError) -> [Range<Int64>] {
        let earlier = try database.prepare("SELECT segment FROM segment WHERE last_time <= ? ORDER BY segment")
        earlier.bind(time, at: 1)
        var ranges: [Range<Int64>] = []
        var from = Int64.min
        while try earlier.step() {
            let segment = earlier.integer(0)
            if from < Segment.firstID(segment) { ranges.append(from..<Segment.firstID(segment)) }
            from = Segment.endID(segment)
        }
        ranges.append(from..<Int64.max)
        return ranges
    }

    private func add(_ kind: EventKind, _ ids: Range<Int64>, to history: CounterHistory) throws(LogError) {
        let columns =
            switch kind {
            case .messageEnqueue: "sender IS NULL, bytes"
            case .batchEnqueue: "sender IS NULL, bytes, batch = id, batch_size"
            case .auth: "ok, reason"
            case .channelCreated: "new"
            case .fetch: "count"
            case .userRegistered: "0"
            }
        let rows = try database.prepare("SELECT time, \(columns) FROM \(kind.table) WHERE id >= ? AND id < ? ORDER BY id")
        rows.bind(ids.lowerBound, at: 1)
        rows.bind(ids.upperBound, at: 2)
        var classes: [Int64: FailureClass] = [:]
        if kind == .auth {
            let reasons = try database.prepare("SELECT id, value FROM \(NameKind.reason.table)")
            while try reasons.step() { classes[reasons.integer(0)] = FailureClass(loggedReason: reasons.bytes(1)) }
        }
        let noReason = FailureClass(loggedReason: [])
        while try rows.step() {
            guard let sink = history.sink(at: rows.integer(0)) else { continue }
            Tally.recorded(kind, into: sink)
            var number: UInt64 = 0
            var failure = noReason
            switch kind {
            case .messageEnqueue: number = UInt64(bitPattern: rows.integer(2))
            case .batchEnqueue:
                number = UInt64(bitPattern: rows.integer(2))
                if rows.integer(3) != 0 { Tally.batchCall(messages: UInt64(bitPattern: rows.integer(4)), into: sink) }
            case .auth: failure = classes[rows.integer(2)] ?? noReason
            case .fetch: number = UInt64(bitPattern: rows.integer(1))
            case .channelCreated, .userRegistered: break
            }
            let isTrue = rows.integer(1) != 0
            Tally.contents(kind, number: number, sealed: isTrue, yes: isTrue, failure: failure, into: sink)
        }
    }
}

/// What a log can tell about a window.
public enum CounterHistoryAnswer {
    case history(CounterHistory)
    /// There is no event, or no point.
    case nothing
    /// This many points, more than `CounterHistory.limit`.
    case tooMany(Int64)
}

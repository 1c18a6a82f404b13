import EventLog
import MetricsModel
import Readings

/// Adds up the events of time windows, exact to the microsecond: from the index of each segment that lies inside a window, and
/// from the rows of the others. All windows are read from one snapshot of the log.
public final class WindowReader {
    let log: EventLogReader
    let database: Database
    private let names: NameReader
    private let index: SegmentMap
    private let scan: SegmentScan

    init(_ log: EventLogReader) throws(LogError) {
        self.log = log
        database = log.database
        names = log.names
        index = try SegmentMap(database)
        scan = SegmentScan(database)
    }

    // MARK: The log

    /// The times of the oldest and the newest event; nil for a log without events.
    public func extent() throws(LogError) -> (oldest: Int64, newest: Int64)? {
        guard var oldest = try OldestEvent.read(database) else { return nil }
        var newest = oldest
        for kind in EventKind.allCases {
            let last = try database.integer("SELECT time FROM \(kind.table) ORDER BY id DESC LIMIT 1")
            if let last { newest = max(newest, last) }
        }
        // After a clock change, the first and last events to arrive need not be the oldest and the newest.
        for span in index.spans where span.isIndexed {
            oldest = min(oldest, span.firstTime)
            newest = max(newest, span.lastTime)
        }
        return (oldest, newest)
    }

    /// How many events the log has, by kind.
    public func events() throws(LogError) -> [Int64] {
        let state = try StoredState.read(database)
        return EventKind.allCases.map { Int64(bitPattern: state.rows($0)) }
    }

    // MARK: A window

    /// Everything that the log can tell about a window.
    ///
    /// - Parameter isByQuarter: whether minutes may be merged into quarter hours: every zone's offset from UTC is a multiple of
    ///   one. A month then takes 1 MiB instead of 20.
    /// - Parameter top: how many identities, channels and users to name; 0 skips searching for them.
    public func sums(
        since: Int64, until: Int64, isByQuarter: Bool, top: Int
    ) throws(LogError) -> WindowSums {
        var sums = WindowSums(isByQuarter: isByQuarter)
        var failures: [Int64: Int64] = [:]
        let counts = try top > 0 ? TermCounts.ranked(database) : []
        let rows = SegmentSummary(keepsPostings: top > 0)
        var inside: Range<Int64>?
        for span in index.spans where SegmentMap.mayHold(span, since: since, until: until) {
            if SegmentMap.isInside(span, since: since, until: until) {
                if let open = inside, open.upperBound == span.segment {
                    inside = open.lowerBound..<span.segment + 1
                } else {
                    if let inside { try addIndexed(of: inside, to: &sums, &failures, counts) }
                    inside = span.segment..<span.segment + 1
                }
            } else {
                rows.removeAll()
                let ids = Segment.firstID(span.segment)..<Segment.endID(span.segment)
                try scan.add(ids: ids, since: since, until: until, to: rows)
                add(rows, to: &sums, &failures, counts)
            }
        }
        if let inside { try addIndexed(of: inside, to: &sums, &failures, counts) }
        var filter = EventFilter()
        (filter.sinceMicroseconds, filter.untilMicroseconds) = (since, until)
        try finish(&sums, failures, counts, top: top, filter)
        return sums
    }

    /// Names what was counted by number.
    func finish(
        _ sums: inout WindowSums, _ failures: [Int64: Int64], _ counts: [TermCounts], top: Int, _ filter: EventFilter
    ) throws(LogError) {
        // Adjacent segments share the minute between them, and more after a clock change.
        SegmentSummary.merge(&sums.minutes)
        sums.reasons = try reasons(failures)
        guard !counts.isEmpty else { return }
        let most = counts.map { $0.most(top) }
        let (identities, channels) = (most[NameKind.identity.rawValue], most[NameKind.channel.rawValue])
        let activity = try activity(of: identities.map(\.term), channels: channels.map(\.term), sums, filter)
        sums.identities = try Self.named(identities, names.identities) { activity?.identities[$0] }
        sums.channels = try Self.named(channels, names.channels) { activity?.channels[$0] }
        sums.failedUsers = try Self.named(most[NameKind.user.rawValue], names.users) { _ in nil }
    }

    func add(
        _ rows: SegmentSummary, to sums: inout WindowSums, _ failures: inout [Int64: Int64], _ counts: [TermCounts]
    ) {
        rows.endMinutes()
        for minute in rows.minutes { sums.add(minute) }
        for bucket in 0..<SegmentSummary.sizeCount { sums.sizes[bucket] += rows.sizes[bucket] }
        for (reason, count) in rows.failures { failures[reason, default: 0] += count }
        for index in 0..<rows.postingCount {
            let posting = rows.postings[index]
            guard let list = Posting.List(rawValue: Posting.list(of: posting)), Self.isRanked(list) else { continue }
            counts[list.names.rawValue].add(1, to: Posting.term(of: posting))
        }
    }

    /// Whether a list's counts tell who is active, or whose logins fail.
    private static func isRanked(_ list: Posting.List) -> Bool { list.names != .user || list == .failedUser }

    private func addIndexed(
        of segments: Range<Int64>, to sums: inout WindowSums, _ failures: inout [Int64: Int64], _ counts: [TermCounts]
    ) throws(LogError) {
        let range = "segment >= \(segments.lowerBound) AND segment < \(segments.upperBound)"
        let minutes = try database.prepare("SELECT * FROM segment_minute WHERE \(range)")
        while try minutes.step() {
            var minute = SegmentSummary.Minute(minute: minutes.integer(1), sums: .zero)
            for column in 0..<MinuteColumn.count {
                minute.sums[column] = minutes.integer(Int32(truncatingIfNeeded: column &+ 2))
            }
            sums.add(minute)
        }
        let sizes = try database.prepare("SELECT measure, bucket, count FROM segment_size WHERE \(range)")
        while try sizes.step() {
            let place = sizes.integer(0) * Int64(SizeBucket.count) + sizes.integer(1)
            guard place >= 0, place < SegmentSummary.sizeCount else { continue }
            sums.sizes[Int(place)] += sizes.integer(2)
        }
        let reasons = try database.prepare("SELECT reason, count FROM segment_failure WHERE \(range)")
        while try reasons.step() { failures[reasons.integer(0), default: 0] += reasons.integer(1) }
        if !counts.isEmpty { try addPostings(of: segments, to: counts) }
    }

    private func addPostings(of segments: Range<Int64>, to counts: [TermCounts]) throws(LogError) {
        let keys = Posting.keys(ofSegments: segments.lowerBound, to: segments.upperBound)
        let blocks = try database.prepare(
            "SELECT key, entries FROM posting WHERE key >= \(keys.first) AND key < \(keys.end) ORDER BY key")
        while try blocks.step() {
            let key = blocks.integer(0)
            guard let list = Posting.List(rawValue: Posting.list(ofKey: key)), Self.isRanked(list) else { continue }
            let counts = counts[list.names.rawValue]
            blocks.withBytes(1) { bytes in
                var cursor = PostingCursor(bytes, key: key)
                while cursor.next() { counts.add(cursor.count, to: cursor.term) }
            }
        }
    }

    private func reasons(_ failures: [Int64: Int64]) throws(LogError) -> [(text: [UInt8]?, count: Int64)] {
        var reasons: [(id: Int64, text: [UInt8]?, count: Int64)] = []
        for (id, count) in failures where count > 0 {
            reasons.append((id, id == 0 ? nil : try names.reasons.text(id).utf8, count))
        }
        reasons.sort { $0.count != $1.count ? $0.count > $1.count : $0.id < $1.id }
        return reasons.map { ($0.text, $0.count) }
    }

    private static func named(
        _ terms: [(term: Int64, count: Int64)], _ texts: borrowing NameCache, _ activity: (Int64) -> WindowStats.Activity?
    ) throws(LogError) -> [WindowStats.Term] {
        var named: [WindowStats.Term] = []
        for entry in terms {
            named.append(
                WindowStats.Term(
                    name: try texts.text(entry.term).utf8, events: entry.count, activity: activity(entry.term)))
        }
        return named
    }

    // MARK: Events only

    /// How many events of each kind a window holds. In an indexed segment that the window cuts, rows are read only for the
    /// minutes that it cuts.
    public func events(since: Int64, until: Int64) throws(LogError) -> [Int64] {
        var sums = [Int64](repeating: 0, count: EventKind.count)
        // The minutes that lie wholly inside.
        let first = Self.minute(since) + (Self.isWholeMinute(since) ? 0 : 1)
        let end = Self.minute(until)
        let columns = EventKind.allCases.map { "sum(\(MinuteColumn.events($0).name))" }.joined(separator: ", ")
        let minutes = try database.prepare(
            "SELECT \(columns) FROM segment_minute WHERE segment = ? AND minute >= ? AND minute < ?")
        for span in index.spans where SegmentMap.mayHold(span, since: since, until: until) {
            let isInside = SegmentMap.isInside(span, since: since, until: until)
            if isInside || (span.isIndexed && first < end) {
                minutes.bind(span.segment, at: 1)
                minutes.bind(isInside ? Int64.min : first, at: 2)
                minutes.bind(isInside ? Int64.max : end, at: 3)
                if try minutes.step() {
                    for kind in EventKind.allCases { sums[kind.index] += minutes.integer(Int32(kind.rawValue)) }
                }
                minutes.reset()
                if isInside { continue }
                try addRows(of: span, since..<max(since, first * Self.minuteMicroseconds), to: &sums)
                try addRows(of: span, min(until, end * Self.minuteMicroseconds)..<until, to: &sums)
            } else {
                try addRows(of: span, since..<until, to: &sums)
            }
        }
        return sums
    }

    private static let minuteMicroseconds: Int64 = 60_000_000

    private static func minute(_ time: Int64) -> Int64 {
        let minute = time / minuteMicroseconds
        return time % minuteMicroseconds < 0 ? minute - 1 : minute
    }

    private static func isWholeMinute(_ time: Int64) -> Bool { time % minuteMicroseconds == 0 }

    private func addRows(
        of span: SegmentMap.Span, _ times: Range<Int64>, to sums: inout [Int64]
    ) throws(LogError) {
        guard SegmentMap.mayHold(span, since: times.lowerBound, until: times.upperBound), !times.isEmpty else { return }
        for kind in EventKind.allCases {
            sums[kind.index] +=
                try database.integer(
                    """
                    SELECT count(*) FROM \(kind.table) WHERE id >= \(Segment.firstID(span.segment))
                    AND id < \(Segment.endID(span.segment)) AND time >= \(times.lowerBound) AND time < \(times.upperBound)
                    """) ?? 0
        }
    }
}

extension EventLogReader {
    /// Adds up windows from one snapshot of the log.
    public func summing<Result>(
        _ body: (WindowReader) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        return try body(WindowReader(self))
    }
}

import EventLog
import MetricsModel
import Readings
import TimeWords

/// Counts events from the segments' indexes. Rows are read only where a segment has no index, where the window cuts it, or where
/// postings would have to be split by time.
final class SegmentCounter {
    /// What is read instead of rows.
    enum Source {
        /// `segment_minute`.
        case minutes
        /// Postings of one kind of name.
        case postings(NameKind)
        /// `segment_failure`.
        case failures
    }

    private let source: Source
    private let question: CountQuestion
    private let filter: EventFilter
    private let kinds: [EventKind]
    private let database: Database
    private let index: SegmentMap
    private let rows: [RowCounter]
    private let clocks: [PeriodClock]
    private let classes: ReasonClasses?

    /// How to answer a question without reading most rows; nil if it cannot be done.
    static func source(of question: CountQuestion, _ filter: EventFilter) -> Source? {
        guard filter.isAboutTime, question.max == nil, !question.has(.first), !question.has(.last),
            !question.measures.contains(where: { $0.isAboutLogins })
        else { return nil }
        let fields = question.fields
        if question.distinct == nil && fields.allSatisfy({ $0 == .kind || $0.isTime }) { return .minutes }
        guard question.sum == nil, !filter.okOnly else { return nil }
        if let distinct = question.distinct {
            guard question.besideMicroseconds == nil, fields.allSatisfy({ $0 == .kind || $0.isTime }),
                let names = distinct.field.names
            else { return nil }
            return .postings(names)
        }
        if filter.failedOnly && fields.allSatisfy({ $0 == .reason || $0 == .failureClass }) { return .failures }
        let named = fields.filter { $0 != .kind && !$0.isTime }
        guard named.count == 1, named == [.user] || named == [.identity] || named == [.channel] else { return nil }
        return named[0].names.map { .postings($0) }
    }

    init(
        _ source: Source, _ question: CountQuestion, _ filter: EventFilter, kinds: [EventKind], zone: ClockZone, shift: Int64,
        _ classes: ReasonClasses?, _ database: Database
    ) throws(LogError) {
        self.source = source
        self.question = question
        self.filter = filter
        self.kinds = kinds
        self.database = database
        self.classes = classes
        index = try SegmentMap(database)
        rows = kinds.map { RowCounter(question, $0, zone: zone, shift: shift, classes) }
        clocks = question.fields.map { PeriodClock($0.isTime ? $0 : .minute, zone: zone, shiftMicroseconds: shift) }
    }

    func add(to groups: inout CountGroups, _ pairs: inout DistinctPairs) throws(LogError) {
        let (since, until) = (filter.sinceMicroseconds, filter.untilMicroseconds)
        var inside: Range<Int64>?
        for span in index.spans where SegmentMap.mayHold(span, since: since, until: until) {
            if SegmentMap.isInside(span, since: since, until: until), !isByTimeOfRows || liesInOnePeriod(span) {
                if isByTimeOfRows {
                    try addIndexed(span.segment..<span.segment + 1, of: span, to: &groups, &pairs)
                } else if let open = inside, open.upperBound == span.segment {
                    inside = open.lowerBound..<span.segment + 1
                } else {
                    if let inside { try addIndexed(inside, of: span, to: &groups, &pairs) }
                    inside = span.segment..<span.segment + 1
                }
            } else {
                try addCut(span, to: &groups, &pairs)
            }
            if groups.isFull || pairs.isFull { return }
        }
        if let inside, let last = index.spans.last { try addIndexed(inside, of: last, to: &groups, &pairs) }
    }

    /// Whether groups are told apart by time, which postings do not record.
    private var isByTimeOfRows: Bool {
        guard case .postings = source else { return false }
        return question.fields.contains { $0.isTime }
    }

    /// Whether all rows of a segment fall into the same period, for every time field of the question.
    private func liesInOnePeriod(_ span: SegmentMap.Span) -> Bool {
        // Days can be 23 h long; within less than that, no hour of the day and no weekday recurs.
        guard span.lastTime &- span.firstTime < 23 * 3_600_000_000 else { return false }
        return question.fields.indices.allSatisfy {
            !question.fields[$0].isTime || clocks[$0].key(span.firstTime) == clocks[$0].key(span.lastTime)
        }
    }

    /// A segment that the window cuts, or that is not indexed.
    private func addCut(_ span: SegmentMap.Span, to groups: inout CountGroups, _ pairs: inout DistinctPairs) throws(LogError) {
        let since = filter.sinceMicroseconds ?? .min
        let until = filter.untilMicroseconds ?? .max
        guard case .minutes = source, span.isIndexed else {
            return try addRows(span.segment, since, until, to: &groups, &pairs)
        }
        // Minutes that lie wholly inside the window are read from the index.
        let minute: Int64 = 60_000_000
        let first = since == .min ? .min : -CivilDate.floorDivide(-max(since, .min + minute), minute)
        let end = CivilDate.floorDivide(until, minute)
        guard first < end else { return try addRows(span.segment, since, until, to: &groups, &pairs) }
        let range = "segment = \(span.segment) AND minute >= \(first) AND minute < \(end)"
        try addMinutes(range, to: &groups)
        if since != .min { try addRows(span.segment, since, first * minute, to: &groups, &pairs) }
        if until != .max { try addRows(span.segment, end * minute, until, to: &groups, &pairs) }
    }

    private func addRows(
        _ segment: Int64, _ since: Int64, _ until: Int64, to groups: inout CountGroups, _ pairs: inout DistinctPairs
    ) throws(LogError) {
        guard since < until else { return }
        for (index, kind) in kinds.enumerated() {
            var condition = " WHERE id >= \(Segment.firstID(segment)) AND id < \(Segment.endID(segment))"
            if since != .min { condition += " AND time >= \(since)" }
            if until != .max { condition += " AND time < \(until)" }
            if kind == .auth && filter.failedOnly { condition += " AND ok = 0" }
            if kind == .auth && filter.okOnly { condition += " AND ok <> 0" }
            try rows[index].add(condition, to: &groups, &pairs, database)
        }
    }

    /// - Parameter span: the one segment, if groups are by time: all its rows fall into one period. Otherwise not used.
    private func addIndexed(
        _ segments: Range<Int64>, of span: SegmentMap.Span, to groups: inout CountGroups, _ pairs: inout DistinctPairs
    ) throws(LogError) {
        let range = "segment >= \(segments.lowerBound) AND segment < \(segments.upperBound)"
        switch source {
        case .minutes: try addMinutes(range, to: &groups)
        case .failures: try addFailures(range, to: &groups)
        case .postings(let names): try addPostings(names, segments, range, span, to: &groups, &pairs)
        }
    }

    // MARK: Minutes

    /// The SQL for how many events of a kind a minute has that match the filter.
    private func events(_ kind: EventKind) -> String {
        if filter.okOnly { return "\(MinuteColumn.auth.name) - \(MinuteColumn.authFailed.name)" }
        return (filter.failedOnly ? MinuteColumn.authFailed : .events(kind)).name
    }

    private func sum(_ kind: EventKind) -> String {
        switch kind {
        case .messageEnqueue: MinuteColumn.messageBytes.name
        case .batchEnqueue: MinuteColumn.batchMessageBytes.name
        case .fetch: MinuteColumn.fetchMessages.name
        case .auth, .channelCreated, .userRegistered: "0"
        }
    }

    private func addMinutes(_ range: String, to groups: inout CountGroups) throws(LogError) {
        let isByTime = question.fields.contains { $0.isTime }
        func column(_ text: String) -> String { isByTime ? text : "sum(\(text))" }
        var columns = isByTime ? ["minute"] : ["0"]
        for kind in kinds { columns += [column(events(kind)), column(sum(kind))] }
        let minutes = try database.prepare("SELECT \(columns.joined(separator: ", ")) FROM segment_minute WHERE \(range)")
        while try minutes.step() {
            let minute = minutes.integer(0)
            for (index, kind) in kinds.enumerated() {
                let events = minutes.integer(Int32(2 * index + 1))
                guard events > 0 else { continue }
                var keys: (Int64, Int64) = (0, 0)
                for (place, field) in question.fields.enumerated() {
                    let key = field.isTime ? clocks[place].key(minute: minute) : Int64(kind.index)
                    if place == 0 { keys.0 = key } else { keys.1 = key }
                }
                guard let group = groups.index(keys.0, keys.1) else { return }
                groups.add(events, to: group)
                if question.sum != nil {
                    groups.add(sum: UInt64(bitPattern: minutes.integer(Int32(2 * index + 2))), to: group)
                }
            }
        }
    }

    // MARK: Reasons

    private func addFailures(_ range: String, to groups: inout CountGroups) throws(LogError) {
        let failures = try database.prepare("SELECT reason, sum(count) FROM segment_failure WHERE \(range) GROUP BY reason")
        while try failures.step() {
            let (reason, count) = (failures.integer(0), failures.integer(1))
            guard count > 0 else { continue }
            func key(_ place: Int) -> Int64 {
                guard place < question.fields.count else { return 0 }
                return question.fields[place] == .reason ? reason : Int64(classes?.of(reason).index ?? 0)
            }
            guard let group = groups.index(key(0), key(1)) else { return }
            groups.add(count, to: group)
        }
    }

    // MARK: Names

    private func addPostings(
        _ names: NameKind, _ segments: Range<Int64>, _ range: String, _ span: SegmentMap.Span, to groups: inout CountGroups,
        _ pairs: inout DistinctPairs
    ) throws(LogError) {
        // A name is either the first or the second key; the other one is the same for all rows of the kind.
        let isFirst = question.fields.first?.names != nil
        let blocks = try database.prepare("SELECT key, entries FROM posting WHERE key >= ? AND key < ?")
        for kind in kinds {
            let list = Posting.List.allCases.first {
                $0.kind == kind && $0.names == names && $0.isPart == (filter.failedOnly && kind == .auth)
            }
            guard let list else { continue }
            let keys = question.fields.indices.map { place in
                let field = question.fields[place]
                return field.isTime ? clocks[place].key(span.firstTime) : field == .kind ? Int64(kind.index) : 0
            }
            let (first, second) = (keys.count > 0 ? keys[0] : 0, keys.count > 1 ? keys[1] : 0)
            let events = try database.integer("SELECT sum(\(self.events(kind))) FROM segment_minute WHERE \(range)") ?? 0
            var named: Int64 = 0
            if question.distinct != nil {
                guard events > 0, let group = groups.index(first, second) else { continue }
                groups.add(events, to: group)
                try read(list, segments, blocks) { term, _ in
                    pairs.add(term, to: group)
                    return !pairs.isFull
                }
                continue
            }
            try read(list, segments, blocks) { term, count in
                guard let group = isFirst ? groups.index(term, second) : groups.index(first, term) else { return false }
                groups.add(Int64(count), to: group)
                named += Int64(count)
                return true
            }
            // Events that name nobody. Not for identities: an event may name two of them, and one that names none is not counted.
            guard names != .identity, events > named else { continue }
            guard let group = groups.index(first, second) else { return }
            groups.add(events - named, to: group)
        }
    }

    /// Calls `body` with terms and their counts, each term once per segment or block; stops when it returns false.
    private func read(
        _ list: Posting.List, _ segments: Range<Int64>, _ blocks: Statement, _ body: (Int64, Int) -> Bool
    ) throws(LogError) {
        for segment in segments {
            blocks.bind(Posting.key(segment: segment, list: list.rawValue, term: 0, part: 0), at: 1)
            blocks.bind(Posting.key(segment: segment, list: list.rawValue + 1, term: 0, part: 0), at: 2)
            defer { blocks.reset() }
            while try blocks.step() {
                let key = blocks.integer(0)
                let isWanted = blocks.withBytes(1) { bytes in
                    var cursor = PostingCursor(bytes, key: key)
                    while cursor.next() { if !body(cursor.term, cursor.count) { return false } }
                    return true
                }
                if !isWanted { return }
            }
        }
    }
}

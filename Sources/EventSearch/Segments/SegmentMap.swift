import EventLog
import MetricsModel

/// Where to look: which segments hold events of a time, and which rows name whom, according to the segments' indexes. Valid
/// within the transaction it was read in.
struct SegmentMap {
    struct Span {
        var segment: Int64
        var isIndexed: Bool
        /// Microseconds since 1970; unlimited for a segment that is not indexed.
        var firstTime = Int64.min
        var lastTime = Int64.max
    }

    /// Every segment that may hold a row, oldest first.
    let spans: [Span]
    private let database: Database

    init(_ database: Database) throws(LogError) {
        self.database = database
        var oldest = Int64.max
        var newest: Int64 = 0
        for kind in EventKind.allCases {
            guard let ids = try Segment.range(of: kind, in: database) else { continue }
            oldest = min(oldest, ids.first)
            newest = max(newest, ids.last)
        }
        var spans: [Span] = []
        if oldest <= newest {
            var next = Segment.of(oldest)
            let occupied = try OccupiedSegments(database)
            func addUnindexed(before end: Int64) throws(LogError) {
                while let segment = try occupied.next(from: next, to: end) {
                    spans.append(Span(segment: segment, isIndexed: false))
                    next = segment + 1
                }
            }
            let query = try database.prepare(
                """
                SELECT segment, first_time, last_time FROM segment
                WHERE segment >= \(next) AND segment <= \(Segment.of(newest)) ORDER BY segment
                """)
            while try query.step() {
                let segment = query.integer(0)
                try addUnindexed(before: segment)
                spans.append(
                    Span(segment: segment, isIndexed: true, firstTime: query.integer(1), lastTime: query.integer(2)))
                next = segment + 1
            }
            try addUnindexed(before: Segment.of(newest) + 1)
        }
        self.spans = spans
    }

    /// Whether a segment may hold an event in this window.
    static func mayHold(_ span: Span, since: Int64?, until: Int64?) -> Bool {
        guard span.isIndexed else { return true }
        if let since, span.lastTime < since { return false }
        if let until, span.firstTime >= until { return false }
        return true
    }

    /// Whether every event of a segment is in this window.
    static func isInside(_ span: Span, since: Int64?, until: Int64?) -> Bool {
        guard span.isIndexed else { return false }
        if let since, span.firstTime < since { return false }
        if let until, span.lastTime >= until { return false }
        return true
    }

    /// The ids of an indexed segment's rows that name any of these terms, ascending; nil if there are more than `limit`, as it is
    /// then cheaper to read the segment's rows in sequence.
    func ids(
        in segment: Int64, lists: [Posting.List], terms: [Int64], limit: Int, _ search: PostingSearch
    ) throws(LogError) -> [Int64]? {
        var ids: [Int64] = []
        for list in lists {
            for term in terms {
                try search.find(segment: segment, list: list, term: term) { ids.append($0) }
                if ids.count > limit { return nil }
            }
        }
        ids.sort()
        return ids
    }
}

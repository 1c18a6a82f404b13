import MetricsModel

/// Removes names that no row uses any longer: marks those in use and deletes the rest, in small steps between the drain's own,
/// while events keep coming in. One thread, the writer's.
///
/// From the start, every name that a new row uses is marked when it is looked up; the names that older rows use come from the
/// postings of indexed segments and from the rows of the others. So a name is deleted only if nothing uses it.
public final class NameCollection {
    /// The most that one step looks at: a few milliseconds' work.
    private static let blocksPerStep = 512
    private static let idsPerStep: Int64 = 8192
    private static let namesPerStep = 1024

    private enum Phase {
        /// A segment from its beginning: by its postings if it is indexed, else by its rows.
        case marking(segment: Int64)
        /// Continues at the key of a block of postings.
        case markingPostings(segment: Int64, next: Int64)
        /// Continues at an id. A flush between two steps may index the segment; its rows stay.
        case markingRows(segment: Int64, next: Int64)
        case deleting(table: Int, after: Int64)
        case done
    }

    private var phase: Phase
    /// Everything that existed when the collection began is below this id.
    private let end: Int64
    private let tables: [NameDictionary]
    private let database: Database
    private let scan: SegmentScan
    private let occupied: OccupiedSegments
    private let summary = SegmentSummary(keepsPostings: true)
    public private(set) var deleted = 0

    convenience init(
        tables: [NameDictionary], oldestID: Int64, nextID: Int64, database: Database
    ) throws(LogError) {
        self.init(
            tables: tables, oldestID: oldestID, nextID: nextID, occupied: try OccupiedSegments(database), database: database)
    }

    private init(
        tables: [NameDictionary], oldestID: Int64, nextID: Int64, occupied: OccupiedSegments, database: Database
    ) {
        self.occupied = occupied
        self.tables = tables
        self.database = database
        end = nextID
        scan = SegmentScan(database)
        phase = .marking(segment: Segment.of(oldestID))
        for table in tables { table.beginMarking() }
    }

    deinit { for table in tables { table.endMarking() } }

    /// Whether the next step only reads, and so needs no transaction.
    public var isMarking: Bool {
        switch phase {
        case .marking, .markingPostings, .markingRows: true
        case .deleting, .done: false
        }
    }

    public var isDone: Bool {
        if case .done = phase { return true }
        return false
    }

    /// Does part of the work; in an open transaction unless `isMarking`.
    public func step() throws(LogError) {
        switch phase {
        case .marking(let from):
            guard let segment = try occupied.next(from: from, to: Segment.of(end) + 1) else {
                phase = .deleting(table: 0, after: 0)
                return
            }
            if try isIndexed(segment) {
                try markPostings(of: segment, from: 0)
            } else {
                try markRows(of: segment, from: 0)
            }
        case .markingPostings(let segment, let next): try markPostings(of: segment, from: next)
        case .markingRows(let segment, let next): try markRows(of: segment, from: next)
        case .deleting(let table, let after): try delete(from: table, after: after)
        case .done: break
        }
    }

    private func isIndexed(_ segment: Int64) throws(LogError) -> Bool {
        try database.integer("SELECT 1 FROM segment WHERE segment = \(segment)") != nil
    }

    private func markPostings(of segment: Int64, from next: Int64) throws(LogError) {
        let keys = Posting.keys(ofSegments: segment, to: segment + 1)
        let query = try database.prepare(
            """
            SELECT key, entries FROM posting WHERE key >= \(max(next, keys.first)) AND key < \(keys.end)
            ORDER BY key LIMIT \(Self.blocksPerStep)
            """)
        var blocks = 0
        var last: Int64 = 0
        while try query.step() {
            blocks += 1
            last = query.integer(0)
            guard let list = Posting.List(rawValue: Posting.list(ofKey: last)) else { continue }
            let table = tables[list.names.rawValue]
            query.withBytes(1) { bytes in
                var cursor = PostingCursor(bytes, key: last)
                while cursor.next() { table.mark(cursor.term) }
            }
        }
        if blocks == Self.blocksPerStep {
            phase = .markingPostings(segment: segment, next: last + 1)
            return
        }
        let failures = try database.prepare("SELECT reason FROM segment_failure WHERE segment = \(segment)")
        while try failures.step() { markReason(failures.integer(0)) }
        phase = .marking(segment: segment + 1)
    }

    private func markRows(of segment: Int64, from next: Int64) throws(LogError) {
        let first = max(next, Segment.firstID(segment))
        let last = min(first + Self.idsPerStep, Segment.endID(segment))
        summary.removeAll()
        try scan.add(ids: first..<last, to: summary)
        for index in 0..<summary.postingCount {
            guard let list = Posting.List(rawValue: Posting.list(of: summary.postings[index])) else { continue }
            tables[list.names.rawValue].mark(Posting.term(of: summary.postings[index]))
        }
        for (reason, _) in summary.failures { markReason(reason) }
        phase =
            last == Segment.endID(segment)
            ? .marking(segment: segment + 1) : .markingRows(segment: segment, next: last)
    }

    /// Reasons come after the three kinds of names. A successful login has none.
    private func markReason(_ reason: Int64) { tables[NameKind.reason.rawValue].mark(reason) }

    private func delete(from table: Int, after: Int64) throws(LogError) {
        guard table < tables.count else {
            phase = .done
            return
        }
        let (removed, last) = try tables[table].deleteUnmarked(after: after, limit: Self.namesPerStep)
        deleted += removed
        phase = last.map { .deleting(table: table, after: $0) } ?? .deleting(table: table + 1, after: 0)
    }
}

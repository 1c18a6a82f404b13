import MetricsModel

/// Removes the oldest events: those from before a time, and as many as a cap on the log's size requires. In small steps, each in
/// the caller's transaction, so that no flush waits for more than one.
///
/// A step covers 4,096 ids. The first step in a segment discards its index; what is left of a segment that is removed only in
/// part is then read from the rows. Each row is judged by its own time, so a clock that was wrong for a while does not keep other
/// rows from being removed.
public final class Retention {
    static let idsPerStep: Int64 = 4096

    /// Microseconds since 1970: events before it are removed.
    private let before: Int64
    /// The most pages of the log in use; nil for no cap.
    private let pageLimit: Int64?
    /// Whether somebody asked for it; otherwise it is a routine round.
    private let isAsked: Bool
    private let writer: EventLogWriter
    private let indexer: SegmentIndexer
    private let database: Database
    private let statements: Statements
    private let occupied: OccupiedSegments

    /// Where the next step begins; segments before `next` are not looked at again.
    private var next: Int64
    private let end: Int64
    /// The segment whose index was discarded, and whether it was full then: one that was not may be indexed by a flush between
    /// two steps.
    private var segment: Int64 = -1
    private var wasFull = false
    public private(set) var isDone = false
    private var hasRemovedDrops = false

    convenience init(
        before: Int64, maxBytes: Int64?, isAsked: Bool, writer: EventLogWriter, indexer: SegmentIndexer
    ) throws(LogError) {
        let pageBytes = try writer.database.integer("PRAGMA page_size") ?? 4096
        self.init(
            before: before, pageLimit: maxBytes.map { $0 / pageBytes }, isAsked: isAsked,
            oldestID: try writer.oldestID() ?? writer.nextID,
            statements: try Statements(writer.database), occupied: try OccupiedSegments(writer.database), writer: writer,
            indexer: indexer)
    }

    private init(
        before: Int64, pageLimit: Int64?, isAsked: Bool, oldestID: Int64, statements: Statements, occupied: OccupiedSegments,
        writer: EventLogWriter, indexer: SegmentIndexer
    ) {
        self.occupied = occupied
        self.before = before
        self.pageLimit = pageLimit
        self.isAsked = isAsked
        self.writer = writer
        self.indexer = indexer
        self.statements = statements
        database = writer.database
        next = oldestID
        end = writer.nextID
        isDone = next >= end
    }

    private struct Statements {
        /// By kind: deletes rows from before a time, in a range of ids.
        let deletions: [Statement]
        let pages: Statement
        let freePages: Statement

        init(_ database: Database) throws(LogError) {
            var deletions: [Statement] = []
            for kind in EventKind.allCases {
                deletions.append(
                    try database.prepare(
                        "DELETE FROM \(kind.table) WHERE id >= ? AND id < ? AND time < ?",
                        operation: "remove from"))
            }
            self.deletions = deletions
            pages = try database.prepare("PRAGMA page_count", operation: "remove from")
            freePages = try database.prepare("PRAGMA freelist_count", operation: "remove from")
        }
    }

    /// Does part of the work, in the open transaction.
    /// - Returns: how many events of each kind were removed.
    public func step() throws(LogError) -> [UInt64] {
        if isDone { return [] }
        let isTooBig = try isTooBig()
        if isTooBig {
            // Skips a gap in the ids in one step.
            next = try occupied.firstID(from: next, to: end) ?? end
            if next >= end {
                isDone = true
                return []
            }
        } else {
            guard try goToOldSegment() else {
                isDone = true
                return []
            }
        }
        if Segment.of(next) != segment || !wasFull {
            segment = Segment.of(next)
            wasFull = segment < Segment.of(writer.nextID)
            try indexer.discardIndex(segment..<segment + 1)
        }
        if !hasRemovedDrops {
            hasRemovedDrops = true
            // Whoever asks for events to be removed did not ask to forget that others were lost.
            if !isAsked { try DropTable.remove(before: before, in: database) }
            try WaitingTable.remove(before: before, in: database)
            try DeliveryTable.remove(before: before, in: database)
        }
        let last = min(next - next % Self.idsPerStep + Self.idsPerStep, end)
        var removed: [UInt64] = []
        for deletion in statements.deletions {
            deletion.bind(next, at: 1)
            deletion.bind(last, at: 2)
            deletion.bind(isTooBig ? Int64.max : before, at: 3)
            try deletion.run(operation: "remove from")
            removed.append(UInt64(database.changes))
        }
        if isTooBig, !isAsked { writer.removedForSize &+= removed.reduce(0, &+) }
        if Segment.of(writer.nextID) == segment, removed.contains(where: { $0 > 0 }) {
            try writer.forgetSummary(andCheckOf: segment)
        }
        next = last
        if next >= end { isDone = true }
        return removed
    }

    /// Goes to the next segment that holds an event from before the time. False if there is none.
    private func goToOldSegment() throws(LogError) -> Bool {
        while next < end, Segment.of(next) != segment {
            guard let here = try occupied.next(from: Segment.of(next), to: Segment.of(end) + 1) else {
                next = end
                return false
            }
            next = max(next, Segment.firstID(here))
            if try holdsOld(here) { return true }
            next = Segment.endID(here)
        }
        return next < end
    }

    private func holdsOld(_ segment: Int64) throws(LogError) -> Bool {
        let firstTime = try database.integer("SELECT first_time FROM segment WHERE segment = \(segment)")
        if let firstTime { return firstTime < before }
        for kind in EventKind.allCases {
            let found = try database.integer(
                """
                SELECT 1 FROM \(kind.table) WHERE id >= \(Segment.firstID(segment))
                AND id < \(Segment.endID(segment)) AND time < \(before) LIMIT 1
                """)
            if found != nil { return true }
        }
        return false
    }

    private func isTooBig() throws(LogError) -> Bool {
        guard let pageLimit else { return false }
        let pages = statements.pages
        let freePages = statements.freePages
        defer {
            pages.reset()
            freePages.reset()
        }
        guard try pages.step(operation: "remove from"), try freePages.step(operation: "remove from") else {
            return false
        }
        return pages.integer(0) - freePages.integer(0) > pageLimit
    }
}

import EventLog
import MetricsModel
import Readings

/// Reads the log while the server writes it, or after the server died. Needs no write access to anything. One thread.
public final class EventLogReader {
    public let database: Database
    let names: NameReader
    private let directory: String

    /// - Throws: `LogError`; code SQLITE_CANTOPEN if there is no log or no permission to read it.
    public init(directory: String) throws(LogError) {
        self.directory = directory
        database = try Database(path: DataFile.log.path(in: directory), mode: .reader)
        try Schema.stand(in: database, for: Schema.check(database))
        names = try NameReader(database)
    }

    /// More readers of the same log, for threads to help with a long answer; fewer or none if they cannot be had, or if the log
    /// has been replaced in the meantime.
    public func helpers() -> [EventLogReader] {
        let count = ReaderThreads.count
        guard count > 1 else { return [] }
        var helpers: [EventLogReader] = []
        for _ in 0..<count {
            guard let helper = try? EventLogReader(directory: directory) else { break }
            helpers.append(helper)
        }
        return database.hasMoved ? [] : helpers
    }

    /// Helpers with a transaction on the same snapshot as the one that is open here; none if a commit came in between. A log says
    /// in each transaction what it has counted, so two with the same account have the same rows.
    func helpersInTransaction() -> [EventLogReader] {
        guard let account = try? AccountCheck.stored(database) else { return [] }
        let helpers = helpers()
        let isSame = helpers.allSatisfy {
            (try? $0.database.execute("BEGIN", operation: "read")) != nil && (try? AccountCheck.stored($0.database)) == account
        }
        return isSame ? helpers : []
    }

    /// Only one stream may be read at a time.
    public func events(_ filter: EventFilter) throws(LogError) -> EventStream {
        var filter = filter
        var limit = filter.newest ?? Int.max
        let keys = try FilterTerms.keys(of: filter, database)
        if !filter.reversed {
            if let last = try bounds(&filter, keys) {
                filter.beforeID = min(filter.beforeID ?? Int64.max, last == Int64.max ? last : last + 1)
                limit = Int.max
            } else {
                limit = 0
            }
        }
        return EventStream(filter, limit: limit, keys: keys, names, database)
    }

    /// The same, oldest first, for a filter that says itself where to end.
    ///
    /// - Parameter keys: the user's, if the filter includes them.
    /// - Parameter portion: how many events a transaction reads.
    func events(allOf filter: EventFilter, keys: [[UInt8]]?, portion: Int) -> EventStream {
        EventStream(filter, limit: .max, keys: keys, portion: portion, names, database)
    }

    /// The last id that the log has; and where the newest so many begin, found from the new end. Nil if there are none.
    private func bounds(_ filter: inout EventFilter, _ keys: [[UInt8]]?) throws(LogError) -> Int64? {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        return try boundsInTransaction(&filter, keys)
    }

    func boundsInTransaction(_ filter: inout EventFilter, _ keys: [[UInt8]]? = nil) throws(LogError) -> Int64? {
        let last = try database.integer("SELECT value FROM state WHERE key = 'last_id'") ?? Int64.max - 1
        guard let newest = filter.newest else { return last }
        var backwards = filter
        backwards.reversed = true
        var first: Int64?
        var remaining = newest
        var cursors = try EventCursor.all(backwards, keys: keys, database)
        while remaining > 0, let next = cursors.next(descending: true) {
            first = cursors[next].id
            remaining -= 1
            if try !cursors[next].advance() { cursors.remove(at: next) }
        }
        guard let first else { return nil }
        filter.newest = nil
        filter.afterID = first == Int64.min ? first : first - 1
        return last
    }

    /// How many events match; with `newest`, at most that many.
    public func count(_ filter: EventFilter) throws(LogError) -> Int64 {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        let sum = try EventCount(database).of(filter)
        return min(sum, Int64(filter.newest ?? Int.max))
    }

    /// The log's own account of itself and a count of its rows, from the same snapshot.
    public func account() throws(LogError) -> (state: StoredState, rows: [Int64]) {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        let state = try StoredState.read(database)
        var rows: [Int64] = []
        for kind in EventKind.allCases {
            rows.append(try database.integer("SELECT count(*) FROM \(kind.table)") ?? 0)
        }
        return (state, rows)
    }

    /// What is wrong with the log's account of itself, in words; nil if it matches its checksum or has none.
    public func accountProblem() throws(LogError) -> String? {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        switch try AccountCheck.verdict(database) {
        case .sound: return nil
        case .mismatch: return "the log's counters, ring positions or state do not match their checksum: they changed at rest"
        case .earlierMismatch:
            return "the log's counters did not match their checksum when a server started: they may be wrong since"
        }
    }

    /// SQLite's own check of every page and index; empty if nothing is wrong.
    public func integrityProblems() throws(LogError) -> [String] {
        let check = try database.prepare("PRAGMA integrity_check(20)", operation: "check")
        var problems: [String] = []
        while try check.step(operation: "check") {
            problems.append(String(decoding: check.bytes(0), as: UTF8.self))
        }
        let isWell = problems.count == 1 && Array(problems[0].utf8) == Array("ok".utf8)
        return isWell ? [] : problems
    }

    /// Rows that differ from their checksums, indexes that differ from the rows, and names that rows refer to but the log lacks;
    /// empty if nothing is wrong.
    ///
    /// - Parameter progress: called with the number of segments done and the number of all segments.
    public func indexProblems(progress: (Int, Int) -> Void = { _, _ in }) throws(LogError) -> [String] {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        return try SegmentProof.problems(self, progress: progress)
    }

    /// Distinct identities seen in 1, 7 and 30 days, counted in the log itself.
    public func activeUsers(nowMicroseconds: Int64) throws(LogError) -> [UInt64] {
        let step = ActivityWindow.step(nowMicroseconds)
        let sums = [Int64(1), 7, 30].map {
            "sum(last_seen > \(step - $0 * 144) AND last_seen <= \(step + ActivityWindow.slackSteps))"
        }.joined(separator: ", ")
        let query = try database.prepare("SELECT \(sums) FROM identity_name")
        guard try query.step() else { return [0, 0, 0] }
        return (0..<3).map { UInt64(clamping: query.integer($0)) }
    }

    /// Distinct users with a failed login in the last five minutes and in the last hour.
    public func failingUsers(nowMicroseconds now: Int64) throws(LogError) -> [UInt64] {
        let rows = try database.prepare("SELECT user, time, ok FROM auth ORDER BY id DESC LIMIT 1000000")
        var last: [Int64: Int64] = [:]
        // Each table is in order of arrival, and so nearly in order of time.
        while try rows.step(), rows.integer(1) > now - 3_660_000_000 {
            guard rows.integer(2) == 0, rows.integer(0) > 0, rows.integer(1) <= now + 60_000_000 else { continue }
            last[rows.integer(0)] = max(last[rows.integer(0)] ?? .min, rows.integer(1))
        }
        return [300_000_000, 3_600_000_000].map { window in UInt64(last.values.count { $0 > now - window }) }
    }

    /// When events were dropped, for a window in UTC microseconds: by minute, oldest first; empty for a log of an older version.
    public func drops(since: Int64, until: Int64) throws(LogError) -> [DropMinute] {
        try DropTable.read(since: since, until: until, in: database)
    }

    /// What the log knows about dropped events: how many it counts in all, and what it lists for a window in UTC microseconds.
    public struct DropRecord: Sendable {
        public var totals: DropTotals
        public var minutes: [DropMinute]
        public var spans: [DropSpan]
    }

    /// All of it as of one commit.
    public func dropRecord(since: Int64, until: Int64) throws(LogError) -> DropRecord {
        try database.execute("BEGIN", operation: "read")
        defer { try? database.execute("ROLLBACK", operation: "read") }
        return DropRecord(
            totals: try StoredState.read(database).drops, minutes: try DropTable.read(since: since, until: until, in: database),
            spans: try DropTable.spans(since: since, until: until, in: database))
    }

    /// Recipients with messages not yet fetched as of the last commit, unordered; empty where the log does not record recipients.
    public func waiting() throws(LogError) -> [Waiting] { Array(try WaitingTable.read(database).values) }

    /// Fetches that handed out messages, by how long the oldest of these had waited (`FineBuckets` of microseconds), in the
    /// minutes of a window: UTC, microseconds. Empty for none.
    public func deliveryWaits(since: Int64, until: Int64) throws(LogError) -> [UInt64] {
        try DeliveryTable.read(since: since, until: until, in: database)
    }

    public func oldestEvent() throws(LogError) -> Int64? { try OldestEvent.read(database) }
}

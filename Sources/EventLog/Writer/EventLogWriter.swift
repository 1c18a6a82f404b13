import CMachine
import CSQLite
import MetricsModel
import Pseudonyms

/// Writes events and, in the same transaction, how far each ring was drained and the counters at that point. One thread: the
/// drain's, or that of a command that recovers a dead server's events.
public final class EventLogWriter {
    /// The most distinct reasons kept, including "other", which stands for all that came later.
    public static let reasonLimit: Int64 = 1000
    /// The longest reason kept. Hooks cut at the same length.
    public static let reasonBytes = 256

    public let database: Database
    public let path: String
    public internal(set) var mode: IdentityMode
    /// Whether a row may name two people, and rows of two people may share what links them.
    var pairs: Bool
    /// Off: an event is counted by whoever appends it, and leaves no row, no name and no reason.
    public internal(set) var keepsRows: Bool
    /// The keys of the epochs whose pseudonyms the log holds. Pseudonyms are written under the newest.
    public internal(set) var keys: IdentityKeys?
    let epochs: EpochTable
    private let branches: BranchTable

    private var rows: RowBatches
    let names: NameDictionaries
    var activity = ActivityWindow()
    var activityIsLoaded = false

    let indexer: SegmentIndexer
    /// The summary of the newest segment's rows from `summaryStart` on.
    let summary = SegmentSummary(keepsPostings: true)
    var summaryStart: Int64
    /// The sum of the newest segment's rows below `summaryStart` (`RowCheck`); nil if unknown.
    var checkBeforeSummary: UInt64?

    private let statements: Statements
    private var savedRinged: [UInt64]
    private var savedDirect: [UInt64]

    /// Whether the log's account of itself did not match its checksum when it was opened, this time or earlier: `AccountCheck`.
    public let hasMismatch: Bool

    /// The id that the next event will get.
    public private(set) var nextID: Int64
    private var firstIDOfTransaction: Int64
    /// Who the last message or fetch was for, and who the last login was by, as numbers; negative for none.
    public private(set) var lastRecipient = RowBatch.null
    public private(set) var lastUser = RowBatch.null
    /// How many events the open transaction removed because the log had reached its size limit.
    var removedForSize: UInt64 = 0
    private let walPages: UnsafeMutablePointer<Int32>

    /// Opens a directory's log, or creates it.
    ///
    /// - Parameter keys: the directory's, in every mode. Without any, pseudonyms are left out.
    /// - Parameter pairs: `false` leaves out whatever links two people.
    /// - Parameter keepsRows: `false` keeps no event at all.
    /// - Parameter syncEachCommit: whether a commit is on disk when it returns; if not, `sync` puts it there.
    /// - Throws: `LogError`; `cause` is `.corrupt` for a file that is not a log; `isNewer` for one of a newer version.
    public convenience init(
        directory: String, mode: IdentityMode, keys: IdentityKeys?, pairs: Bool = true, keepsRows: Bool = true,
        syncEachCommit: Bool
    ) throws(LogError) {
        let path = DataFile.log.path(in: directory)
        try LogPermissions.prepare(path, in: directory)
        let database = try Database(path: path, mode: .writer)
        try Self.setUp(database, syncEachCommit: syncEachCommit)
        try database.execute(Schema.addedTables, operation: "set up")
        let nextID = try Self.readNextID(database)
        try Self.addEpochTable(database, oldest: keys?.epochs.first?.number, hasRows: nextID > 1)
        if nextID > 1 { try BranchTable.nameOldRows(in: database) }
        self.init(try Parts(database), nextID: nextID, mode: mode, keys: keys, pairs: pairs, keepsRows: keepsRows)
    }

    private init(
        _ parts: consuming Parts, nextID: Int64, mode: IdentityMode, keys: IdentityKeys?, pairs: Bool, keepsRows: Bool
    ) {
        database = parts.database
        path = parts.database.path
        self.mode = mode
        self.keys = keys
        self.pairs = pairs
        self.keepsRows = keepsRows
        epochs = parts.epochs
        branches = parts.branches
        rows = parts.rows
        names = parts.names
        indexer = parts.indexer
        statements = parts.statements
        savedRinged = parts.stored.ringed
        savedDirect = parts.stored.direct
        self.nextID = nextID
        firstIDOfTransaction = nextID
        summaryStart = nextID
        checkBeforeSummary = parts.checkOfNewest
        hasMismatch = parts.hasMismatch
        walPages = .allocate(capacity: 1)
        walPages.initialize(to: 0)
        sqlite3_wal_hook(
            database.handle,
            { context, _, _, pages in
                context?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, walPages)
    }

    deinit {
        sqlite3_wal_hook(database.handle, nil, nil)
        walPages.deallocate()
    }

    /// What a writer holds of an open log.
    fileprivate struct Parts: ~Copyable {
        let database: Database
        let rows: RowBatches
        let names: NameDictionaries
        let statements: Statements
        let stored: StoredState
        let epochs: EpochTable
        let branches: BranchTable
        let indexer: SegmentIndexer
        let checkOfNewest: UInt64?
        let hasMismatch: Bool
    }

    /// The statements of a transaction, other than those that insert rows.
    fileprivate struct Statements {
        let saveCounter: Statement
        let saveRing: Statement
        let saveState: Statement
        let begin: Statement
        let commit: Statement
        let account: AccountCheck.Rest
        let addDrops: Statement

        init(_ database: Database) throws(LogError) {
            saveCounter = try database.prepare(
                "INSERT INTO counter VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET ringed = ?3, direct = ?4",
                operation: "write")
            saveRing = try database.prepare("INSERT OR REPLACE INTO ring VALUES (?, ?, ?, ?)", operation: "write")
            saveState = try database.prepare("INSERT OR REPLACE INTO state VALUES (?, ?)", operation: "write")
            begin = try database.prepare("BEGIN IMMEDIATE", operation: "write")
            commit = try database.prepare("COMMIT", operation: "write")
            account = try AccountCheck.Rest(database)
            addDrops = try DropTable.insertion(database)
        }
    }

    private static func setUp(_ database: Database, syncEachCommit: Bool) throws(LogError) {
        let isNew = try database.integer("SELECT count(*) FROM sqlite_schema", operation: "open") == 0
        // The WAL and its index stay when the log is closed: a reader without write access to the directory could not create
        // them.
        var on: Int32 = 1
        sqlite3_file_control(database.handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on)
        if isNew {
            try Schema.create(in: database)
        } else {
            try Schema.migrate(database, from: Schema.check(database))
        }
        try database.execute(
            """
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA secure_delete = ON;
            PRAGMA journal_size_limit = \(WALLimits.kept);
            PRAGMA temp_store = MEMORY;
            PRAGMA foreign_keys = OFF;
            """, operation: "open")
        try database.sync(eachCommit: syncEachCommit)
    }

    /// Adds the table to logs created before there were epochs. The rows they hold belong to the oldest key.
    private static func addEpochTable(
        _ database: Database, oldest: Int64?, hasRows: Bool
    ) throws(LogError) {
        let isThere = try database.integer(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'epoch'", operation: "open")
        guard isThere == nil else { return }
        var sql = "BEGIN IMMEDIATE; CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, first_id INTEGER NOT NULL);"
        if hasRows, let oldest { sql += "INSERT INTO epoch VALUES (\(oldest), 1);" }
        try database.execute(sql + "COMMIT;", operation: "set up")
    }

    private static func readNextID(_ database: Database) throws(LogError) -> Int64 {
        var last = try database.integer("SELECT value FROM state WHERE key = 'last_id'") ?? 0
        for kind in EventKind.allCases {
            let ids = try Segment.range(of: kind, in: database)
            last = max(last, ids?.last ?? 0)
        }
        try Segment.expectPossible(id: last, path: database.path)
        return last + 1
    }

    /// Makes a log that replaces another continue its ids, in a branch of its own. Call before the first transaction, which saves
    /// that.
    public func continueIDs(from id: Int64) {
        let next = max(nextID, id)
        if Segment.of(next) != Segment.of(nextID) { checkBeforeSummary = 0 }
        nextID = next
        branches.renew()
    }

    // MARK: One transaction

    public func beginTransaction() throws(LogError) {
        try database.prepareTransaction()
        try statements.begin.run(operation: "begin writing to")
        firstIDOfTransaction = nextID
    }

    /// Adds one event. Its id is what `nextID` was before the call; without rows, no id is used up.
    @inline(__always)
    public func append(_ event: borrowing Event) throws(LogError) {
        guard keepsRows else {
            lastRecipient = RowBatch.null
            lastUser = RowBatch.null
            return
        }
        if pairs { return try write(event) }
        var alone = copy event
        PairRedaction.leavePeersOut(of: &alone, id: nextID)
        try write(alone)
    }

    private func write(_ event: borrowing Event) throws(LogError) {
        let id = nextID
        let time = event.timeMicroseconds
        let step = ActivityWindow.step(time)
        switch event.kind {
        case .messageEnqueue:
            let sender = try identity(event.field0, step)
            let recipient = try identity(event.field1, step)
            lastRecipient = recipient
            let channel = try channel(event.field2)
            let row = rows.messages.row
            row[0] = id
            row[1] = time
            row[2] = sender
            row[3] = recipient
            row[4] = channel
            row[5] = Self.stored(event.number)
            row[6] = Self.stored(event.seq)
            summarize(.messageEnqueue, row)
            try rows.messages.added()
        case .batchEnqueue:
            let sender = try identity(event.field0, step)
            let recipient = try identity(event.field1, step)
            lastRecipient = recipient
            let channel = try channel(event.field2)
            let row = rows.batchMessages.row
            row[0] = id
            row[1] = time
            row[2] = sender
            row[3] = recipient
            row[4] = channel
            row[5] = Self.stored(event.number)
            row[6] = Self.stored(event.seq)
            row[7] = event.batch
            row[8] = Self.stored(event.batchSize)
            summarize(.batchEnqueue, row)
            try rows.batchMessages.added()
        case .auth:
            let user = try user(event.field0)
            lastUser = user
            let reason = try reason(event.field1, user: event.field0)
            let row = rows.auths.row
            row[0] = id
            row[1] = time
            row[2] = user
            row[3] = event.yes ? 1 : 0
            row[4] = reason
            summarize(.auth, row)
            try rows.auths.added()
        case .channelCreated:
            let channel = try channel(event.field0)
            let initiator = try identity(event.field1, step)
            let peer = try identity(event.field2, step)
            let row = rows.channels.row
            row[0] = id
            row[1] = time
            row[2] = channel
            row[3] = initiator
            row[4] = peer
            row[5] = event.yes ? 1 : 0
            summarize(.channelCreated, row)
            try rows.channels.added()
        case .fetch:
            let recipient = try identity(event.field0, step)
            lastRecipient = recipient
            let channel = try channel(event.field1)
            let row = rows.fetches.row
            row[0] = id
            row[1] = time
            row[2] = recipient
            row[3] = channel
            row[4] = Self.stored(event.number)
            summarize(.fetch, row)
            try rows.fetches.added()
        case .userRegistered:
            let user = try user(event.field0)
            let identity = try identity(event.field1, step)
            let row = rows.registrations.row
            row[0] = id
            row[1] = time
            row[2] = user
            row[3] = identity
            summarize(.userRegistered, row)
            try rows.registrations.added()
        }
        nextID = id &+ 1
        #if !QPC_WITHOUT_SEGMENT_INDEX
        if nextID & (Segment.ids &- 1) == 0 { try indexSegment() }
        #endif
    }

    /// Adds the row to what will become the newest segment's index. The plugin is built without the index only to measure what it
    /// costs: scripts/bench.
    @inline(__always)
    private func summarize(_ kind: EventKind, _ row: UnsafePointer<Int64>) {
        #if !QPC_WITHOUT_SEGMENT_INDEX
        summary.add(kind, row)
        #endif
    }

    /// Indexes the newest segment, which has received its last row.
    private func indexSegment() throws(LogError) {
        let segment = Segment.of(nextID) - 1
        if summaryStart <= max(1, Segment.firstID(segment)) {  // ids begin at 1
            try indexer.index(segment, summary, rowCheck: summary.rowCheck)
        } else {
            try rows.flush()
            try indexer.indexFromRows(segment, rowCheck: checkOfNewest)
        }
        summary.removeAll()
        summaryStart = nextID
        checkBeforeSummary = 0
    }

    /// The sum of all rows of the newest segment; nil if unknown.
    private var checkOfNewest: UInt64? { checkBeforeSummary.map { $0 &+ summary.rowCheck } }

    /// Nil if the newest segment has rows, but no sum that says what they should be.
    fileprivate static func readCheckOfNewest(_ database: Database) throws(LogError) -> UInt64? {
        let newest = Segment.of(try readNextID(database))
        if let sum = try RowCheck.read(newest, in: database) { return sum }
        for kind in EventKind.allCases {
            let row = try database.integer(
                "SELECT 1 FROM \(kind.table) WHERE id >= \(Segment.firstID(newest)) LIMIT 1")
            if row != nil { return nil }
        }
        return 0
    }

    /// Unsigned numbers are stored as the signed number with the same bits; the one that would stand for NULL is stored as one
    /// more.
    @inline(__always)
    private static func stored(_ number: UInt64) -> Int64 {
        let bits = Int64(bitPattern: number)
        return bits == RowBatch.null ? bits &+ 1 : bits
    }

    /// Commits the transaction: rows, ring positions and counters take effect together.
    ///
    /// - Parameter drops: since the last commit, by minute.
    /// - Parameter lastDrop: when the last drop was noticed: UTC, microseconds; 0 if there was none since the last commit.
    /// - Parameter waiting: who waits for messages and who no longer does, as of the last event; nil to leave the table as it is.
    /// - Parameter waits: those of the transaction's fetches.
    /// - Parameter counted: what hooks had counted so far, for a live file that the next boot will not have; else empty.
    public func commitTransaction(
        session: (UInt64, UInt64), rings: [RingPosition], ringed: (Int) -> UInt64, direct: (Int) -> UInt64,
        drops: [DropMinute] = [], carriedDrops: [DropMinute] = [], dropSpans: [DropSpan] = [], lastDrop: Int64 = 0,
        waiting: WaitingChanges? = nil, waits: DeliveryWaits = DeliveryWaits(), counted: [UInt64] = []
    ) throws(LogError) {
        if !counted.isEmpty { try save(StoredState.countedKey, blob: counted.withUnsafeBytes { [UInt8]($0) }) }
        try rows.flush()
        if nextID != firstIDOfTransaction { try branches.note(firstID: firstIDOfTransaction) }
        if nextID != firstIDOfTransaction, epochOfNow > epochs.newest {
            try saveKeyCheck(of: epochOfNow)
            try epochs.note(epochOfNow, firstID: firstIDOfTransaction)
        }
        for ring in rings {
            statements.saveRing.bind(Int64(ring.slot), at: 1)
            statements.saveRing.bind(Int64(bitPattern: ring.position), at: 2)
            statements.saveRing.bind(ring.batch, at: 3)
            statements.saveRing.bind(Int64(bitPattern: ring.batchSize), at: 4)
            try statements.saveRing.run(operation: "write")
        }
        var counters: UInt64 = 0
        var changed: [(index: Int, ringed: UInt64, direct: UInt64)] = []
        for index in 0..<CounterIndex.used {
            let newRinged = ringed(index)
            let newDirect = direct(index)
            counters &+= AccountCheck.counter(Int64(index), Int64(bitPattern: newRinged), Int64(bitPattern: newDirect))
            guard newRinged != savedRinged[index] || newDirect != savedDirect[index] else { continue }
            statements.saveCounter.bind(Int64(index), at: 1)
            statements.saveCounter.bind(text: CounterName.utf8(index), at: 2)
            statements.saveCounter.bind(Int64(bitPattern: newRinged), at: 3)
            statements.saveCounter.bind(Int64(bitPattern: newDirect), at: 4)
            try statements.saveCounter.run(operation: "write")
            changed.append((index: index, ringed: newRinged, direct: newDirect))
        }
        if let sum = checkOfNewest, nextID != firstIDOfTransaction {
            try RowCheck.write(sum, of: Segment.of(nextID), in: database)
        }
        // Minutes of another log first: this log's own are added to what it has then.
        try DropTable.carry(carriedDrops, in: database)
        for minute in drops { try DropTable.add(minute, with: statements.addDrops) }
        try DropTable.add(dropSpans, in: database)
        if let waiting {
            try WaitingTable.write(waiting, in: database)
            try save(WaitingTable.idKey, integer: nextID - 1)
        }
        try DeliveryTable.add(waits, in: database)
        if lastDrop > 0 { try save(DropTable.lastDropKey, integer: lastDrop) }
        try save("session", blob: StoredState.bytes(of: session))
        try save("last_id", integer: nextID - 1)
        if hasMismatch { try save(AccountCheck.mismatchKey, integer: 1) }
        try saveAccountCheck(counters: counters)
        try statements.commit.run(operation: "commit to")
        branches.committed()
        for entry in changed {
            savedRinged[entry.index] = entry.ringed
            savedDirect[entry.index] = entry.direct
        }
    }

    /// Part of every transaction, as its last change.
    private func saveAccountCheck(counters: UInt64) throws(LogError) {
        try save(AccountCheck.key, integer: Int64(bitPattern: counters &+ (try statements.account.sum())))
    }

    /// Changes the log's state in a transaction of its own.
    func change(_ body: () throws(LogError) -> Void) throws(LogError) {
        try statements.begin.run(operation: "begin writing to")
        do {
            try body()
            let counters = (0..<CounterIndex.used).reduce(into: UInt64(0)) {
                $0 &+= AccountCheck.counter(
                    Int64($1), Int64(bitPattern: savedRinged[$1]), Int64(bitPattern: savedDirect[$1]))
            }
            try saveAccountCheck(counters: counters)
            try statements.commit.run(operation: "commit to")
        } catch {
            if database.isInTransaction { try? database.execute("ROLLBACK", operation: "roll back") }
            throw error
        }
    }

    func save(_ name: String, blob: [UInt8]) throws(LogError) {
        statements.saveState.bind(text: Array(name.utf8), at: 1)
        statements.saveState.bind(blob: blob, at: 2)
        try statements.saveState.run(operation: "write")
    }

    private func save(_ name: String, integer: Int64) throws(LogError) {
        statements.saveState.bind(text: Array(name.utf8), at: 1)
        statements.saveState.bind(integer, at: 2)
        try statements.saveState.run(operation: "write")
    }

    /// Records when the counters began, in a transaction of its own.
    public func saveCreated(_ nanoseconds: UInt64) throws(LogError) {
        try change { () throws(LogError) in try save("created_ns", integer: Int64(bitPattern: nanoseconds)) }
    }

    /// Records the time of day that can be trusted, in a transaction of its own: microseconds since 1970.
    /// Notes, in the open transaction, when somebody was forgotten: UTC, microseconds. Answers about an earlier time may lack
    /// their events.
    public func noteErasure(at microseconds: Int64) throws(LogError) {
        try save(StoredState.erasedKey, integer: microseconds)
    }

    public func saveTrustedTime(_ microseconds: Int64) throws(LogError) {
        try change { () throws(LogError) in try save("trusted_us", integer: microseconds) }
    }

    /// Whether rows say who a message was for.
    public var keepsRecipients: Bool { keepsRows && pairs && mode != .none }

    /// Who waits for messages as of the last event, by number. Nobody if rows do not say who a message was for, and nobody who
    /// has waited since before the key changed: the log no longer recognizes them.
    public func takeWaiting() throws(LogError) -> [Int64: Waiting] {
        if !keepsRecipients {
            try database.execute("DELETE FROM waiting", operation: "write")
        } else if mode == .pseudonym, let keys, keys.newest.number > 1 {
            // Since the key changed they have other numbers.
            try database.execute(
                "DELETE FROM waiting WHERE since < \(keys.newest.startedMicroseconds)", operation: "write")
        }
        return keepsRecipients ? try WaitingTable.read(database) : [:]
    }

    /// Failed logins since a time: the users' numbers, and when; UTC, microseconds; newest first. Looks at no more than the last
    /// million logins.
    public func failedLogins(since: Int64) throws(LogError) -> [(user: Int64, time: Int64)] {
        let rows = try database.prepare("SELECT user, time, ok FROM auth ORDER BY id DESC LIMIT 1000000")
        var failed: [(user: Int64, time: Int64)] = []
        while try rows.step(), rows.integer(1) >= since {
            if rows.integer(2) == 0, rows.integer(0) > 0 { failed.append((user: rows.integer(0), time: rows.integer(1))) }
        }
        return failed
    }

    /// What the log lists as dropped: the minutes, oldest first, and the spans.
    public func listedDrops() throws(LogError) -> (minutes: [DropMinute], spans: [DropSpan]) {
        (
            minutes: try DropTable.read(since: 0, until: .max, in: database),
            spans: try DropTable.spans(since: 0, until: .max, in: database)
        )
    }

    /// The time of the newest event; nil for an empty log.
    public func newestEvent() throws(LogError) -> Int64? { try NewestEvent.read(database) }

    public func lastKnownTime() throws(LogError) -> Int64? { try StoredState.lastKnownTime(database) }

    /// Forgets all ring positions: a new session's rings begin at 0.
    public func forgetRings() throws(LogError) {
        try database.execute("DELETE FROM ring", operation: "write")
    }

    /// Rolls the transaction back, whatever state it was left in. Its ids are assigned again.
    public func rollBack() {
        removedForSize = 0
        rows.discard()
        if database.isInTransaction { try? database.execute("ROLLBACK", operation: "roll back") }
        names.forgetCaches()
        activityIsLoaded = false
        try? epochs.load()
        branches.rolledBack()
        if let next = try? Self.readNextID(database) { nextID = next }
        summary.removeAll()
        summaryStart = nextID
        checkBeforeSummary = try? Self.readCheckOfNewest(database)
    }

    // MARK: Upkeep, between transactions

    /// Makes every commit so far safe from a power cut.
    public func sync() throws(LogError) { try database.syncWAL() }

    /// Pages in the WAL since it was last reset.
    public var pagesInWAL: Int { Int(walPages.pointee) }

    public func checkpoint(truncating: Bool) throws(LogError) {
        let result = try database.checkpoint(truncating: truncating)
        if result.frames == result.moved { walPages.pointee = 0 }
    }

    /// Whether nothing is left in the WAL, not even what is already in the log.
    public var isWALEmpty: Bool {
        var status = stat()
        return qpcm_lstat(path + "-wal", &status) != 0 || status.st_size == 0
    }

    /// Distinct identities seen in the last 1, 7 and 30 days.
    public func activeUsers(nowMicroseconds: Int64) throws(LogError) -> (UInt64, UInt64, UInt64) {
        // A clock that was wrong for a while leaves a window that ends in the future and counts nobody seen today.
        let end = ActivityWindow.step(nowMicroseconds) + ActivityWindow.slackSteps
        if !activityIsLoaded || activity.newest > end {
            activity = ActivityWindow()
            let query = try database.prepare(
                "SELECT last_seen, count(*) FROM identity_name WHERE last_seen <= \(end) GROUP BY last_seen")
            while try query.step() { activity.add(query.integer(1), at: query.integer(0)) }
            activityIsLoaded = true
        }
        return (
            activity.active(days: 1, nowMicroseconds: nowMicroseconds),
            activity.active(days: 7, nowMicroseconds: nowMicroseconds),
            activity.active(days: 30, nowMicroseconds: nowMicroseconds)
        )
    }

    /// UTC, microseconds; nil for an empty log.
    public func oldestEvent() throws(LogError) -> Int64? { try OldestEvent.read(database) }
}

extension EventLogWriter.Parts {
    fileprivate init(_ database: Database) throws(LogError) {
        self.init(
            database: database, rows: try RowBatches(database), names: try NameDictionaries(database),
            statements: try EventLogWriter.Statements(database), stored: try StoredState.read(database),
            epochs: try EpochTable(database), branches: try BranchTable(database), indexer: try SegmentIndexer(database),
            checkOfNewest: try EventLogWriter.readCheckOfNewest(database),
            hasMismatch: try AccountCheck.verdict(database) != .sound)
    }
}

import CMachine
import MetricsModel
import Pseudonyms

/// How events, names and pages leave the log: in small steps, in transactions of whoever works through them.
extension EventLogWriter {
    /// The smallest id of a row; nil for an empty log.
    public func oldestID() throws(LogError) -> Int64? {
        var oldest: Int64?
        for kind in EventKind.allCases {
            if let first = try database.integer("SELECT min(id) FROM \(kind.table)") {
                oldest = min(first, oldest ?? first)
            }
        }
        return oldest
    }

    public func occupiedSegment(from segment: Int64, to end: Int64) throws(LogError) -> Int64? {
        try OccupiedSegments(database).next(from: segment, to: end)
    }

    /// Makes a full segment's seal anew, from its rows.
    public func reindex(_ segment: Int64) throws(LogError) {
        // What the rows are known to sum up to stays: rows that changed at rest are not made right by being summed up again.
        let rowCheck = try RowCheck.read(segment, in: database)
        try indexer.discardIndex(segment..<segment + 1)
        try indexer.indexFromRows(segment, rowCheck: rowCheck)
    }

    /// Whether events of before a time, or more pages than a cap allows, are there to be removed.
    public func retention(before: Int64, maxBytes: Int64?) throws(LogError) -> Retention {
        try Retention(before: before, maxBytes: maxBytes, writer: self, indexer: indexer)
    }

    /// The forms in which the log may hold a user's name or a key: as it came, under the key of each epoch, and, for 16
    /// bytes, as the pseudonym that they are.
    public func storedForms(of name: [UInt8], isText: Bool) -> [StoredName] {
        var forms = [StoredName(bytes: name, isText: isText)]
        for epoch in keys?.epochs ?? [] {
            forms.append(StoredName(bytes: epoch.key.pseudonym(of: name), isText: false))
        }
        let given = isText ? Hexadecimal.decode(name) : name
        if let given, given.count == Pseudonym.byteCount { forms.append(StoredName(bytes: given, isText: false)) }
        return forms
    }

    public func erasure(
        users: [StoredName], identities: [StoredName], text: [UInt8]?
    ) throws(LogError) -> Erasure {
        try Erasure(
            users: users, identities: identities, text: text, tables: names.all, writer: self, indexer: indexer)
    }

    public func nameCollection() throws(LogError) -> NameCollection {
        try NameCollection(
            tables: names.all, oldestID: try oldestID() ?? nextID, nextID: nextID, database: database)
    }

    /// Removes rows in a transaction of its own, where there is no live file whose counters go on.
    public func removeAlone(
        _ cause: RemovalCause, _ body: () throws(LogError) -> [UInt64]
    ) throws(LogError) -> [UInt64] {
        var stored = try StoredState.read(database)
        do {
            try beginTransaction()
            let removed = try body()
            for (index, kind) in EventKind.allCases.enumerated() where index < removed.count {
                stored.ringed[CounterIndex.removed(kind, cause)] &+= removed[index]
            }
            try commitTransaction(
                session: stored.session ?? (0, 0), rings: [], ringed: { stored.ringed[$0] },
                direct: { stored.direct[$0] })
            return removed
        } catch {
            rollBack()
            throw error
        }
    }

    /// Rows of a segment without an index were removed, mostly of the newest: when that is full, it is indexed from the rows
    /// that are left.
    func forgetSummary(andCheckOf segment: Int64) throws(LogError) {
        summary.removeAll()
        summaryStart = Int64.max
        checkBeforeSummary = nil
        try RowCheck.remove(segment..<segment + 1, in: database)
        let newest = Segment.of(nextID)
        if newest != segment { try RowCheck.remove(newest..<newest + 1, in: database) }
    }

    /// The numbers of identities whose names were deleted since the last call. After a commit.
    public func takeDeletedIdentities() -> [Int64] {
        defer { names.identities.deleted = [] }
        return names.identities.deleted
    }

    /// The activity of names that were deleted counts no more.
    public func forgetActivity() { activityIsLoaded = false }

    /// Free pages of the log, and all.
    public func pageCounts() throws(LogError) -> (free: Int64, all: Int64, bytesEach: Int64) {
        (
            try database.integer("PRAGMA freelist_count") ?? 0, try database.integer("PRAGMA page_count") ?? 0,
            try database.integer("PRAGMA page_size") ?? 4096
        )
    }

    /// Gives free pages back to the file system with the next checkpoint, at most so many.
    public func vacuum(pages: Int) throws(LogError) {
        try database.execute("PRAGMA incremental_vacuum(\(pages))", operation: "make smaller")
    }
}

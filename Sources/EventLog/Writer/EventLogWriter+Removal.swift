import CMachine
import MetricsModel
import Pseudonyms

/// How events, names and pages leave the log: in small steps, in the caller's transactions.
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

    /// Rebuilds a full segment's index from its rows.
    public func reindex(_ segment: Int64) throws(LogError) {
        // The known sum of the rows stays: summing rows up again does not make right those that changed at rest.
        let rowCheck = try RowCheck.read(segment, in: database)
        try indexer.discardIndex(segment..<segment + 1)
        try indexer.indexFromRows(segment, rowCheck: rowCheck)
    }

    /// The removal of events from before a time, and of the oldest while the log has more pages than a cap allows.
    ///
    /// - Parameter isAsked: whether somebody asked for it; otherwise it is a routine round.
    public func retention(before: Int64, maxBytes: Int64?, isAsked: Bool = false) throws(LogError) -> Retention {
        try Retention(before: before, maxBytes: maxBytes, isAsked: isAsked, writer: self, indexer: indexer)
    }

    /// The forms in which the log may hold a user's name or a key: as given, as the pseudonym under each epoch's key, and, if it
    /// is 16 bytes (for a user, in hexadecimal), as the pseudonym itself.
    public func storedForms(of name: [UInt8], isText: Bool) -> [StoredName] {
        var forms = [StoredName(bytes: name, isText: isText)]
        for epoch in keys?.epochs ?? [] {
            if let key = epoch.key { forms.append(StoredName(bytes: key.pseudonym(of: name), isText: false)) }
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

    /// Removes rows in its own transaction, when there is no live file to continue the counters.
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

    /// Counts as torn what hooks had counted by the last commit and the log does not have, in its own transaction, when their
    /// live file is gone. Doing it again counts nothing more.
    /// - Parameter now: UTC, microseconds.
    public func countGone(at now: Int64) throws(LogError) -> UInt64 {
        var stored = try StoredState.read(database)
        guard !stored.counted.isEmpty else { return 0 }
        var drops = DropTotals()
        for kind in EventKind.allCases {
            let index = CounterIndex.events(kind)
            guard stored.counted[index] > stored.ringed[index] else { continue }
            let torn = CounterIndex.dropped(kind, .torn)
            stored.ringed[torn] &+= stored.counted[index] - stored.ringed[index]
            drops.values[torn - DropTotals.first] = stored.counted[index] - stored.ringed[index]
        }
        for index in 0..<CounterIndex.written(.messageEnqueue) where stored.counted[index] > stored.ringed[index] {
            stored.ringed[index] = stored.counted[index]
        }
        guard drops.sum > 0 else { return 0 }
        do {
            try beginTransaction()
            try commitTransaction(
                session: stored.session ?? (0, 0), rings: [], ringed: { stored.ringed[$0] }, direct: { stored.direct[$0] },
                drops: keepsRows ? [DropMinute(minute: now / 60_000_000, drops: drops)] : [], lastDrop: now)
        } catch {
            rollBack()
            throw error
        }
        return drops.sum
    }

    /// Call after rows of a segment without an index were removed, usually the newest: when that is full, it is indexed from the
    /// rows that are left.
    func forgetSummary(andCheckOf segment: Int64) throws(LogError) {
        summary.removeAll()
        summaryStart = Int64.max
        checkBeforeSummary = nil
        try RowCheck.remove(segment..<segment + 1, in: database)
        let newest = Segment.of(nextID)
        if newest != segment { try RowCheck.remove(newest..<newest + 1, in: database) }
    }

    /// How many events the open transaction removed because the log had reached its size limit.
    public func takeRemovedForSize() -> UInt64 {
        defer { removedForSize = 0 }
        return removedForSize
    }

    /// The numbers of identities whose names were deleted since the last call. Call after a commit.
    public func takeDeletedIdentities() -> [Int64] {
        defer { names.identities.deleted = [] }
        return names.identities.deleted
    }

    /// Deleted names no longer count as active.
    public func forgetActivity() { activityIsLoaded = false }

    /// The log's free pages, all its pages, and the bytes of each.
    public func pageCounts() throws(LogError) -> (free: Int64, all: Int64, bytesEach: Int64) {
        (
            try database.integer("PRAGMA freelist_count") ?? 0, try database.integer("PRAGMA page_count") ?? 0,
            try database.integer("PRAGMA page_size") ?? 4096
        )
    }

    /// Returns at most `pages` free pages to the file system, with the next checkpoint.
    public func vacuum(pages: Int) throws(LogError) {
        try database.execute("PRAGMA incremental_vacuum(\(pages))", operation: "make smaller")
    }
}

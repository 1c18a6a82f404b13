import MetricsModel
import Pseudonyms

/// One of the log's name tables: gives each user, key, channel or reason its number, and writes it on first sight.
final class NameDictionary {
    private let find: Statement
    private let insert: Statement
    /// Only for tables that record when a name was last seen.
    private let see: Statement?
    private var cache: InternCache
    private let hashKey: NameHashKey
    private var nextID: Int64 = 1
    private let database: Database
    private let table: String
    let hasActivity: Bool

    /// - Parameter places: of the cache, a power of two.
    /// - Parameter hasActivity: whether the table records when a name was last seen.
    /// - Parameter limit: the most names kept; nil for any number.
    convenience init(
        _ names: NameKind, key: NameHashKey, places: Int, hasActivity: Bool = false, limit: Int64? = nil,
        database: Database
    ) throws(LogError) {
        self.init(
            table: names.table, statements: try Statements(names.table, hasActivity: hasActivity, database), key: key,
            cache: InternCache(places: places), limit: limit, database: database)
        try readNumbers()
    }

    private init(
        table: String, statements: Statements, key: NameHashKey, cache: consuming InternCache, limit: Int64?, database: Database
    ) {
        self.table = table
        self.limit = limit
        self.database = database
        self.cache = cache
        hashKey = key
        find = statements.find
        insert = statements.insert
        see = statements.see
        hasActivity = statements.see != nil
    }

    private struct Statements {
        let find: Statement
        let insert: Statement
        let see: Statement?

        init(_ table: String, hasActivity: Bool, _ database: Database) throws(LogError) {
            if hasActivity {
                find = try database.prepare("SELECT id, last_seen FROM \(table) WHERE value = ?", operation: "write")
                insert = try database.prepare(
                    "INSERT INTO \(table) (id, value, last_seen) VALUES (?, ?, ?)", operation: "write")
                see = try database.prepare("UPDATE \(table) SET last_seen = ?2 WHERE id = ?1", operation: "write")
            } else {
                find = try database.prepare("SELECT id FROM \(table) WHERE value = ?", operation: "write")
                insert = try database.prepare("INSERT INTO \(table) (id, value) VALUES (?, ?)", operation: "write")
                see = nil
            }
        }
    }

    deinit { marks?.deallocate() }

    /// Reads the next number and, for tables with a limit, how many names there are. Numbers are never reused, even once their
    /// names are gone: a reader may remember them.
    private func readNumbers() throws(LogError) {
        let last = try database.integer("SELECT max(id) FROM \(table)") ?? 0
        let given = try database.integer("SELECT value FROM state WHERE key = 'last_\(table)'") ?? 0
        nextID = max(last, given) + 1
        if limit != nil { count = try database.integer("SELECT count(*) FROM \(table)") ?? 0 }
    }

    /// How the log stores a name.
    enum Form {
        case blob
        case text
    }

    /// The number of a recently used name, or 0. `step` is the time, for tables that record it.
    @inline(__always)
    func lookUp(
        _ hash: NameHash, step: Int64, activity: inout ActivityWindow
    ) throws(LogError) -> Int64 {
        let place = cache.find(hash)
        guard place >= 0 else { return 0 }
        if hasActivity, ActivityWindow.isNews(step, after: cache.note(at: place)) {
            try seen(cache.id(at: place), from: cache.note(at: place), step: step, activity: &activity)
            cache.setNote(step, at: place)
        }
        let id = cache.id(at: place)
        if let marks { setMark(id, marks) }
        return id
    }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> NameHash { hashKey.hash(key) }

    /// Whether the log has the name.
    func has(_ stored: [UInt8], form: Form) throws(LogError) -> Bool {
        bind(find, stored, form, at: 1)
        defer { find.reset() }
        return try find.step(operation: "write")
    }

    /// Finds the stored form in the log, or writes it, and remembers its number under the key's hash.
    ///
    /// - Parameter older: the keys under which the same person may have been seen before this epoch.
    func resolve(
        _ key: UnsafeRawBufferPointer, hash: NameHash, stored: [UInt8], form: Form, step: Int64,
        older: IdentityKeys? = nil, activity: inout ActivityWindow
    ) throws(LogError) -> Int64 {
        bind(find, stored, form, at: 1)
        let exists: Bool
        exists = try find.step(operation: "write")
        if exists {
            let id = find.integer(0)
            var last = step
            if hasActivity { last = find.integer(1) }
            find.reset()
            if hasActivity, ActivityWindow.isNews(step, after: last) {
                try seen(id, from: last, step: step, activity: &activity)
                last = step
            }
            cache.insert(hash, id: id, note: last)
            mark(id)
            return id
        }
        find.reset()
        let id = nextID
        var last = step
        if hasActivity {
            let before = try takeOver(key, older: older, step: step)
            last = ActivityWindow.isNews(step, after: before) ? step : before
            activity.move(from: before, to: last)
        }
        insert.bind(id, at: 1)
        bind(insert, stored, form, at: 2)
        if hasActivity { insert.bind(last, at: 3) }
        try insert.run(operation: "write")
        nextID += 1
        count += 1
        cache.insert(hash, id: id, note: last)
        return id
    }

    /// When the same person was last seen under an older key, or -1. That row no longer counts as active, so that nobody is
    /// counted twice. Epochs that ended before the longest window counted are not searched.
    private func takeOver(_ key: UnsafeRawBufferPointer, older: IdentityKeys?, step: Int64) throws(LogError) -> Int64 {
        guard let older, let see else { return -1 }
        var index = older.epochs.count - 2
        while index >= 0 {
            let end = ActivityWindow.step(older.epochs[index + 1].startedMicroseconds)
            if end < step - ActivityWindow.reachSteps { break }
            // Under an operator's key, nobody is recognized across epochs.
            guard let old = older.epochs[index].key else {
                index -= 1
                continue
            }
            bind(find, old.pseudonym(of: key), .blob, at: 1)
            if try find.step(operation: "write") {
                let id = find.integer(0)
                let last = find.integer(1)
                find.reset()
                if last == 0 { return -1 }
                see.bind(id, at: 1)
                see.bind(0, at: 2)
                try see.run(operation: "write")
                return last
            }
            find.reset()
            index -= 1
        }
        return -1
    }

    private func bind(_ statement: Statement, _ bytes: [UInt8], _ form: Form, at index: Int) {
        if form == .text { statement.bind(text: bytes, at: index) } else { statement.bind(blob: bytes, at: index) }
    }

    private func seen(
        _ id: Int64, from last: Int64, step: Int64, activity: inout ActivityWindow
    ) throws(LogError) {
        guard let see else { return }
        see.bind(id, at: 1)
        see.bind(step, at: 2)
        try see.run(operation: "write")
        activity.move(from: last, to: step)
    }

    /// After a rollback, numbers assigned in the transaction are void.
    func forgetCache() throws(LogError) {
        deleted = []
        cache.removeAll()
        try readNumbers()
    }

    /// From now on the same bytes are stored in a different form.
    func forgetForms() { cache.removeAll() }

    /// Numbers of deleted identities, until `takeDeletedIdentities` collects them.
    var deleted: [Int64] = []

    private let limit: Int64?
    /// Names in the table, for tables with a limit.
    private var count: Int64 = 0

    var isFull: Bool {
        guard let limit else { return false }
        return count >= limit
    }

    // MARK: Sweeping

    /// While a collection runs: one bit for each number below `markLimit`, set if the number is in use.
    private var marks: UnsafeMutablePointer<UInt64>?
    private var markLimit: Int64 = 0

    func beginMarking() {
        endMarking()
        markLimit = nextID
        let words = Int(nextID / 64) + 1
        let bits = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
        bits.initialize(repeating: 0, count: words)
        marks = bits
    }

    func endMarking() {
        marks?.deallocate()
        marks = nil
    }

    @inline(__always)
    func mark(_ id: Int64) {
        if let marks { setMark(id, marks) }
    }

    @inline(__always)
    private func setMark(_ id: Int64, _ marks: UnsafeMutablePointer<UInt64>) {
        guard id > 0, id < markLimit else { return }
        marks[Int(id >> 6)] |= 1 << UInt64(id & 63)
    }

    /// Whether a running collection may delete a name: it existed when the collection began, and no use of it was seen.
    private func isUnused(_ id: Int64, _ marks: UnsafeMutablePointer<UInt64>) -> Bool {
        id > 0 && id < markLimit && marks[Int(id >> 6)] & (1 << UInt64(id & 63)) == 0
    }

    /// Checks up to `limit` names after a number, and deletes those that are not in use.
    /// - Returns: how many were deleted, and the last number checked; nil when there are no more.
    func deleteUnmarked(after: Int64, limit: Int) throws(LogError) -> (removed: Int, last: Int64?) {
        guard let marks else { return (0, nil) }
        let query = try database.prepare("SELECT id FROM \(table) WHERE id > \(after) ORDER BY id LIMIT \(limit)")
        var unused: [Int64] = []
        var looked = 0
        var last = after
        while try query.step() {
            looked += 1
            last = query.integer(0)
            if isUnused(last, marks) { unused.append(last) }
        }
        query.reset()
        try delete(unused)
        return (unused.count, looked == limit ? last : nil)
    }

    /// Deletes names that no row uses.
    func delete(_ ids: [Int64]) throws(LogError) {
        guard !ids.isEmpty else { return }
        try database.execute(
            "INSERT OR REPLACE INTO state VALUES ('last_\(table)', \(nextID - 1))", operation: "write")
        let delete = try database.prepare("DELETE FROM \(table) WHERE id = ?", operation: "write")
        for id in ids {
            delete.bind(id, at: 1)
            try delete.run(operation: "write")
        }
        count -= Int64(ids.count)
        if hasActivity {
            for id in ids { try database.execute("DELETE FROM waiting WHERE recipient = \(id)", operation: "write") }
            deleted += ids
        }
        // The ids are ascending, so a binary search finds them.
        cache.remove { gone in
            var low = 0
            var high = ids.count
            while low < high {
                let middle = (low + high) / 2
                if ids[middle] < gone { low = middle + 1 } else { high = middle }
            }
            return low < ids.count && ids[low] == gone
        }
    }
}

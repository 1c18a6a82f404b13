import MetricsModel
import Pseudonyms

/// One of the log's tables of names: gives each user, key, channel or reason its number, writing it on first sight.
final class NameTable {
    private let find: Statement
    private let insert: Statement
    private let see: Statement?
    private var cache: InternCache
    private var nextID: Int64
    /// Names in the table, for those with a limit.
    private(set) var count: Int64 = 0
    private let connection: Connection
    private let table: String
    let hasActivity: Bool
    private let isLimited: Bool

    /// - Parameter hasActivity: whether the table notes when a name was last seen.
    /// - Parameter isLimited: whether `count` is kept.
    init(
        table: String, places: Int, stride: Int, seed: UInt64, hasActivity: Bool, isLimited: Bool = false,
        connection: Connection
    ) throws(LogError) {
        self.table = table
        self.connection = connection
        self.hasActivity = hasActivity
        self.isLimited = isLimited
        if hasActivity {
            find = try connection.prepare("SELECT id, last_seen FROM \(table) WHERE value = ?", operation: "write")
            insert = try connection.prepare(
                "INSERT INTO \(table) (id, value, last_seen) VALUES (?, ?, ?)", operation: "write")
            see = try connection.prepare(
                "UPDATE \(table) SET last_seen = ?2 WHERE id = ?1", operation: "write")
        } else {
            find = try connection.prepare("SELECT id FROM \(table) WHERE value = ?", operation: "write")
            insert = try connection.prepare(
                "INSERT INTO \(table) (id, value) VALUES (?, ?)", operation: "write")
            see = nil
        }
        cache = InternCache(places: places, stride: stride, seed: seed)
        nextID = (try connection.integer("SELECT max(id) FROM \(table)") ?? 0) + 1
        if isLimited { count = try connection.integer("SELECT count(*) FROM \(table)") ?? 0 }
    }

    deinit { cache.deallocate() }

    /// How the log holds a name.
    enum Form {
        case blob
        case text
    }

    /// The number of a name that was met lately, or 0. `step` is when, for tables that note it.
    @inline(__always)
    func lookUp(
        _ key: UnsafeRawBufferPointer, hash: UInt64, step: Int64, activity: inout ActivityWindow
    ) throws(LogError) -> Int64 {
        let place = cache.find(key, hash: hash)
        guard place >= 0 else { return 0 }
        if hasActivity, cache.note(at: place) < step {
            try seen(cache.id(at: place), from: cache.note(at: place), step: step, activity: &activity)
            cache.setNote(step, at: place)
        }
        return cache.id(at: place)
    }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { cache.hash(key) }

    /// Whether the log has it.
    func has(_ stored: [UInt8], form: Form) throws(LogError) -> Bool {
        bind(find, stored, form, at: 1)
        defer { find.reset() }
        return try find.step(operation: "write")
    }

    /// Finds the stored form in the log, or writes it; and remembers its number under the key.
    ///
    /// - Parameter older: the keys under which the same person may have been seen before this epoch.
    func resolve(
        _ key: UnsafeRawBufferPointer, hash: UInt64, stored: [UInt8], form: Form, step: Int64,
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
            if hasActivity, last < step {
                try seen(id, from: last, step: step, activity: &activity)
                last = step
            }
            cache.insert(key, hash: hash, id: id, note: last)
            return id
        }
        find.reset()
        let id = nextID
        var last = step
        if hasActivity {
            let before = try takeOver(key, older: older, step: step)
            last = max(before, step)
            activity.move(from: before, to: last)
        }
        insert.bind(id, at: 1)
        bind(insert, stored, form, at: 2)
        if hasActivity { insert.bind(last, at: 3) }
        try insert.run(operation: "write")
        nextID += 1
        count += 1
        cache.insert(key, hash: hash, id: id, note: last)
        return id
    }

    /// When the same person was last seen under an older key, or -1; that row then counts no more among the active,
    /// so that nobody is counted twice. An epoch that ended before the longest window that is counted is not asked.
    private func takeOver(_ key: UnsafeRawBufferPointer, older: IdentityKeys?, step: Int64) throws(LogError) -> Int64 {
        guard let older, let see else { return -1 }
        var index = older.epochs.count - 2
        while index >= 0 {
            let end = ActivityWindow.step(older.epochs[index + 1].startedMicroseconds)
            if end < step - ActivityWindow.reachSteps { break }
            bind(find, older.epochs[index].key.pseudonym(of: key), .blob, at: 1)
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

    /// After a rollback, numbers given in the transaction are void.
    func forgetCache() throws(LogError) {
        cache.removeAll()
        nextID = (try connection.integer("SELECT max(id) FROM \(table)") ?? 0) + 1
        if isLimited { count = try connection.integer("SELECT count(*) FROM \(table)") ?? 0 }
    }

    /// The same bytes are to be written otherwise from now on.
    func forgetForms() { cache.removeAll() }
}

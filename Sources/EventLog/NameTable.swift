import MetricsModel
import Pseudonyms

/// One of the log's tables of names: gives each user, key, channel or reason its number, writing it on first sight.
final class NameTable {
    private let find: Statement
    private let insert: Statement
    private let see: Statement?
    private var cache: InternCache
    private var nextID: Int64
    private let connection: Connection
    private let table: String
    let hasActivity: Bool

    /// - Parameter hasActivity: whether the table notes when a name was last seen.
    init(
        table: String, places: Int, stride: Int, seed: UInt64, hasActivity: Bool, connection: Connection
    ) throws(LogError) {
        self.table = table
        self.connection = connection
        self.hasActivity = hasActivity
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

    /// Finds the stored form in the log, or writes it; and remembers its number under the key.
    func resolve(
        _ key: UnsafeRawBufferPointer, hash: UInt64, stored: [UInt8], form: Form, step: Int64,
        activity: inout ActivityWindow
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
        insert.bind(id, at: 1)
        bind(insert, stored, form, at: 2)
        if hasActivity {
            insert.bind(step, at: 3)
            activity.move(from: -1, to: step)
        }
        try insert.run(operation: "write")
        nextID += 1
        cache.insert(key, hash: hash, id: id, note: step)
        return id
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
    }

    /// Names in the table, for those with a limit.
    var count: Int64 { nextID - 1 }
}

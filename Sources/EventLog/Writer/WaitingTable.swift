import MetricsModel

/// A recipient with messages not yet fetched.
public struct Waiting: Sendable, Equatable {
    /// The recipient's number in `identity_name`.
    public var name: Int64
    /// When the oldest message arrived: UTC, microseconds.
    public var sinceMicroseconds: Int64
    /// Messages enqueued since; one that the server had already stored counts again.
    public var messages: UInt64

    public init(name: Int64, sinceMicroseconds: Int64, messages: UInt64) {
        self.name = name
        self.sinceMicroseconds = sinceMicroseconds
        self.messages = messages
    }
}

/// Who no longer waits, and then who waits now.
public struct WaitingChanges {
    /// Whether everything in the table is about another log's recipients, and must go.
    public var isAll: Bool
    public var removed: [Int64]
    public var changed: [Waiting] = []

    public init(isAll: Bool, removed: [Int64]) {
        self.isAll = isAll
        self.removed = removed
    }
}

/// Who waits for messages, as of the event `waiting_id` of `state`. Later changes are in the rows.
///
///     waiting   recipient, since, messages       a number of `identity_name`; UTC, microseconds; how many
///
/// Written where rows name recipients: not with `IDENTITIES=none`, nor with `PAIRS=off`. Logs of older versions have neither
/// table nor entry.
package enum WaitingTable {
    static let table = """
        CREATE TABLE IF NOT EXISTS waiting (
            recipient INTEGER PRIMARY KEY, since INTEGER NOT NULL, messages INTEGER NOT NULL);
        """
    static let idKey = "waiting_id"
    /// If more rows than this came since, they are not reread at startup: an older version has written to the log meanwhile.
    private static let rowLimit: Int64 = 4_000_000

    static func write(_ changes: WaitingChanges, in database: Database) throws(LogError) {
        if changes.isAll { try database.execute("DELETE FROM waiting", operation: "write") }
        if !changes.removed.isEmpty {
            let remove = try database.prepare("DELETE FROM waiting WHERE recipient = ?", operation: "write")
            for name in changes.removed {
                remove.bind(name, at: 1)
                try remove.run(operation: "write")
            }
        }
        guard !changes.changed.isEmpty else { return }
        let insert = try database.prepare("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?)", operation: "write")
        for waiting in changes.changed {
            insert.bind(waiting.name, at: 1)
            insert.bind(waiting.sinceMicroseconds, at: 2)
            insert.bind(Int64(clamping: waiting.messages), at: 3)
            try insert.run(operation: "write")
        }
    }

    /// Forgets waits that began before a time: UTC, microseconds.
    static func remove(before time: Int64, in database: Database) throws(LogError) {
        try database.execute("DELETE FROM waiting WHERE since < \(time)", operation: "remove from")
    }

    /// Who waits as of the last event of the log, by number.
    package static func read(_ database: Database) throws(LogError) -> [Int64: Waiting] {
        var all: [Int64: Waiting] = [:]
        guard try database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'waiting'") != nil,
            let known = try database.integer("SELECT value FROM state WHERE key = '\(idKey)'")
        else { return all }
        let last = try database.integer("SELECT value FROM state WHERE key = 'last_id'") ?? 0
        // The table is from another moment of the log: the file was put together from two.
        guard known >= 0, known <= last, last - known <= rowLimit else { return all }
        let rows = try database.prepare("SELECT recipient, since, messages FROM waiting")
        while try rows.step() {
            guard rows.integer(0) > 0, rows.integer(1) > 0 else { continue }
            all[rows.integer(0)] = Waiting(
                name: rows.integer(0), sinceMicroseconds: rows.integer(1), messages: UInt64(max(0, rows.integer(2))))
        }
        guard last > known else { return all }
        let later = try database.prepare(
            """
            SELECT id, time, recipient, 0 AS handed_out FROM message WHERE id > ?1 AND recipient IS NOT NULL
            UNION ALL SELECT id, time, recipient, 0 FROM batch_message WHERE id > ?1 AND recipient IS NOT NULL
            UNION ALL SELECT id, time, recipient, 1 FROM fetch WHERE id > ?1 AND count <> 0 AND recipient IS NOT NULL
            ORDER BY id
            """)
        later.bind(known, at: 1)
        while try later.step() {
            let name = later.integer(2)
            if later.integer(3) != 0 {
                all[name] = nil
            } else if var waiting = all[name] {
                waiting.messages &+= 1
                all[name] = waiting
            } else {
                all[name] = Waiting(name: name, sinceMicroseconds: later.integer(1), messages: 1)
            }
        }
        return all
    }
}

import MetricsModel

/// When events were dropped. How many is in the counters; this says which minutes of the log they are missing from.
///
///     drop_minute   minute, kind, cause, events      minute since 1970, UTC; kind and cause as numbers; how many
///
/// Written in the transaction that adds the same drops to the log's counters. A drop is noticed within half a second; one that
/// nobody could see, because the server was killed or the log was unavailable, belongs to the minute in which it was found.
///
/// The entry `last_drop_us` of `state` holds when the last one was noticed. Logs of older versions have neither.
package enum DropTable {
    static let table = """
        CREATE TABLE IF NOT EXISTS drop_minute (
            minute INTEGER NOT NULL, kind INTEGER NOT NULL, cause INTEGER NOT NULL, events INTEGER NOT NULL,
            PRIMARY KEY (minute, kind, cause)) WITHOUT ROWID;
        """
    static let lastDropKey = "last_drop_us"

    static func insertion(_ database: Database) throws(LogError) -> Statement {
        try database.prepare(
            "INSERT INTO drop_minute VALUES (?, ?, ?, ?4) ON CONFLICT DO UPDATE SET events = events + ?4", operation: "write")
    }

    static func add(_ minute: DropMinute, with insertion: Statement) throws(LogError) {
        for index in 0..<DropTotals.count where minute.drops.values[index] > 0 {
            insertion.bind(minute.minute, at: 1)
            insertion.bind(Int64(DropTotals.kind(index).index), at: 2)
            insertion.bind(Int64(DropTotals.cause(index).rawValue), at: 3)
            insertion.bind(Int64(clamping: minute.drops.values[index]), at: 4)
            try insertion.run(operation: "write")
        }
    }

    static func remove(before microseconds: Int64, in database: Database) throws(LogError) {
        try database.execute("DELETE FROM drop_minute WHERE minute < \(microseconds / 60_000_000)", operation: "remove from")
    }

    /// Oldest first. Times are microseconds since 1970; a minute counts if any part of it lies within.
    package static func read(since: Int64, until: Int64, in database: Database) throws(LogError) -> [DropMinute] {
        guard try database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'drop_minute'") != nil else { return [] }
        let query = try database.prepare(
            "SELECT minute, kind, cause, events FROM drop_minute WHERE minute >= ? AND minute < ? ORDER BY minute")
        query.bind(since.floored(to: 60_000_000), at: 1)
        query.bind(until.floored(to: 60_000_000) &+ (until % 60_000_000 == 0 ? 0 : 1), at: 2)
        var minutes: [DropMinute] = []
        while try query.step() {
            guard let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: query.integer(1))), query.integer(3) > 0,
                let cause = DropCause(rawValue: Int(truncatingIfNeeded: query.integer(2)))
            else { continue }
            if minutes.last?.minute != query.integer(0) {
                minutes.append(DropMinute(minute: query.integer(0), drops: DropTotals()))
            }
            let index = kind.index * DropCause.count + cause.rawValue
            minutes[minutes.count - 1].drops.values[index] &+= UInt64(query.integer(3))
        }
        return minutes
    }
}

extension Int64 {
    fileprivate func floored(to unit: Int64) -> Int64 { self >= 0 ? self / unit : -((-(self &+ 1)) / unit) - 1 }
}

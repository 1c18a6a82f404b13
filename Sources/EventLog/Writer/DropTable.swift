import MetricsModel

/// When events were dropped. How many is in the counters; this says which minutes of the log they are missing from.
///
///     drop_minute   minute, kind, cause, events      minute since 1970, UTC; kind and cause as numbers; how many
///
/// Written in the transaction that adds the same drops to the log's counters. A drop is noticed within half a second; one that
/// nobody could see, because the server was killed or the log was unavailable, belongs to the minute in which it was found.
///
/// For drops that no minute is known of:
///
///     drop_span     found, since, until, listed, kind, cause, events
///                   when it was found out, and the earliest and latest time that they can have happened at, UTC, microseconds;
///                   whether they are in drop_minute too, in the minute in which it was found out; then as above
///
/// The entry `last_drop_us` of `state` holds when the last one was noticed. Logs of older versions have neither.
package enum DropTable {
    static let table = """
        CREATE TABLE IF NOT EXISTS drop_minute (
            minute INTEGER NOT NULL, kind INTEGER NOT NULL, cause INTEGER NOT NULL, events INTEGER NOT NULL,
            PRIMARY KEY (minute, kind, cause)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS drop_span (
            found INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, listed INTEGER NOT NULL,
            kind INTEGER NOT NULL, cause INTEGER NOT NULL, events INTEGER NOT NULL,
            PRIMARY KEY (found, since, until, listed, kind, cause)) WITHOUT ROWID;
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

    /// Lists what another log listed. That log may be an earlier or a later copy of this one, so of two counts of a minute the
    /// larger is right: of the counters, `Reconciliation` keeps the larger too.
    static func carry(_ minutes: [DropMinute], in database: Database) throws(LogError) {
        guard !minutes.isEmpty else { return }
        let insertion = try database.prepare(
            "INSERT INTO drop_minute VALUES (?, ?, ?, ?4) ON CONFLICT DO UPDATE SET events = max(events, ?4)", operation: "write")
        for minute in minutes { try add(minute, with: insertion) }
    }

    static func add(_ spans: [DropSpan], in database: Database) throws(LogError) {
        guard !spans.isEmpty else { return }
        let insertion = try database.prepare(
            "INSERT INTO drop_span VALUES (?, ?, ?, ?, ?, ?, ?7) ON CONFLICT DO UPDATE SET events = max(events, ?7)",
            operation: "write")
        for span in spans {
            for index in 0..<DropTotals.count where span.drops.values[index] > 0 {
                insertion.bind(span.found, at: 1)
                insertion.bind(span.since, at: 2)
                insertion.bind(span.until, at: 3)
                insertion.bind(span.isListed ? 1 : 0, at: 4)
                insertion.bind(Int64(DropTotals.kind(index).index), at: 5)
                insertion.bind(Int64(DropTotals.cause(index).rawValue), at: 6)
                insertion.bind(Int64(clamping: span.drops.values[index]), at: 7)
                try insertion.run(operation: "write")
            }
        }
    }

    static func remove(before microseconds: Int64, in database: Database) throws(LogError) {
        try database.execute(
            """
            DELETE FROM drop_minute WHERE minute < \(microseconds / 60_000_000);
            DELETE FROM drop_span WHERE until < \(microseconds);
            """, operation: "remove from")
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

    /// The spans that overlap a window: UTC, microseconds. In the order in which they were found.
    package static func spans(since: Int64, until: Int64, in database: Database) throws(LogError) -> [DropSpan] {
        guard try database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'drop_span'") != nil else { return [] }
        let query = try database.prepare(
            """
            SELECT found, since, until, listed, kind, cause, events FROM drop_span WHERE until >= ? AND since < ?
            ORDER BY found, since, until, listed
            """)
        query.bind(since, at: 1)
        query.bind(until, at: 2)
        var spans: [DropSpan] = []
        while try query.step() {
            guard let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: query.integer(4))), query.integer(6) > 0,
                let cause = DropCause(rawValue: Int(truncatingIfNeeded: query.integer(5)))
            else { continue }
            let span = DropSpan(
                found: query.integer(0), since: query.integer(1), until: query.integer(2), drops: DropTotals(),
                isListed: query.integer(3) != 0)
            if let last = spans.last, last.found == span.found, last.since == span.since, last.until == span.until,
                last.isListed == span.isListed
            {
            } else {
                spans.append(span)
            }
            spans[spans.count - 1].drops.values[kind.index * DropCause.count + cause.rawValue] &+= UInt64(query.integer(6))
        }
        return spans
    }
}

extension Int64 {
    package func floored(to unit: Int64) -> Int64 { self >= 0 ? self / unit : -((-(self &+ 1)) / unit) - 1 }
}

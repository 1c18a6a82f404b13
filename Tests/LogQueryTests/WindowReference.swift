import Foundation
import TestSupport

/// What `stats` should report for a window, computed with plain SQL over the rows.
struct WindowReference {
    let log: SQLiteShell
    let since: Int64
    let until: Int64

    private var window: String { "time >= \(since) AND time < \(until)" }

    func number(_ sql: String) throws -> UInt64 { try log.query(sql).first.flatMap { UInt64($0[0]) } ?? 0 }

    func count(_ kind: String, _ condition: String = "1") throws -> UInt64 {
        try number("SELECT count(*) FROM \(EventConditions.tables[kind]!) WHERE \(window) AND \(condition)")
    }

    func sum(_ column: String, of kind: String) throws -> UInt64 {
        try number("SELECT coalesce(sum(\(column)), 0) FROM \(EventConditions.tables[kind]!) WHERE \(window)")
    }

    /// The nearest-rank percentile.
    func percentile(_ percent: Int, _ column: String, of kind: String, _ condition: String = "1") throws -> UInt64 {
        let table = EventConditions.tables[kind]!
        return try number(
            """
            SELECT \(column) FROM \(table) WHERE \(window) AND \(condition) ORDER BY \(column) LIMIT 1 OFFSET
            (SELECT (count(*) * \(percent) + 99) / 100 - 1 FROM \(table) WHERE \(window) AND \(condition))
            """)
    }

    /// The number of events that name each of several subjects.
    func ranking(_ columns: [String: [String]], names: String, _ condition: String = "1") throws -> [String: UInt64] {
        // A UNION contains each pair of an event and a name once.
        let pairs = columns.flatMap { kind, columns in
            columns.map { "SELECT id, \($0) AS name FROM \(EventConditions.tables[kind]!) WHERE \(window) AND \(condition)" }
        }.joined(separator: " UNION ")
        let rows = try log.query(
            """
            SELECT iif(typeof(value) = 'text', hex(value), lower(hex(value))), count(*) FROM (\(pairs)) AS pair
            JOIN \(names) ON \(names).id = pair.name GROUP BY 1
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], UInt64($0[1]) ?? 0) })
    }

    /// The number of events in each period, by its start in seconds.
    func periods(seconds: Int64) throws -> [UInt64: UInt64] {
        let tables = eventKinds.map { "SELECT time FROM \(EventConditions.tables[$0]!) WHERE \(window)" }
        let times = tables.joined(separator: " UNION ALL ")
        let rows = try log.query("SELECT time / \(seconds * 1_000_000) * \(seconds), count(*) FROM (\(times)) GROUP BY 1")
        return Dictionary(uniqueKeysWithValues: rows.map { (UInt64($0[0]) ?? 0, UInt64($0[1]) ?? 0) })
    }

    func reasons() throws -> [String: UInt64] {
        let rows = try log.query(
            """
            SELECT coalesce(value, ''), count(*) FROM auth LEFT JOIN reason_name ON reason_name.id = reason
            WHERE \(window) AND ok = 0 GROUP BY 1
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], UInt64($0[1]) ?? 0) })
    }
}

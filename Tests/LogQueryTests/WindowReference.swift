import Foundation
import TestSupport

/// What `stats` should report for a window, computed with plain SQL over the rows.
struct WindowReference {
    let log: SQLiteShell
    /// With the window's times.
    let conditions: EventConditions

    init(log: SQLiteShell, since: Int64, until: Int64, _ conditions: EventConditions = EventConditions()) {
        self.log = log
        var conditions = conditions
        (conditions.since, conditions.until) = (since, until)
        self.conditions = conditions
    }

    /// The condition on a kind's rows.
    private func window(_ kind: String) -> String {
        guard let condition = conditions.condition(kind) else { return "0" }
        return conditions.newest == nil ? "(\(condition))" : "(\(condition)) AND id IN (\(conditions.sql))"
    }

    func number(_ sql: String) throws -> UInt64 { try log.query(sql).first.flatMap { UInt64($0[0]) } ?? 0 }

    func count(_ kind: String, _ condition: String = "1") throws -> UInt64 {
        try number("SELECT count(*) FROM \(EventConditions.tables[kind]!) WHERE \(window(kind)) AND \(condition)")
    }

    func sum(_ column: String, of kind: String) throws -> UInt64 {
        try number("SELECT coalesce(sum(\(column)), 0) FROM \(EventConditions.tables[kind]!) WHERE \(window(kind))")
    }

    /// The nearest-rank percentile.
    func percentile(_ percent: Int, _ column: String, of kind: String, _ condition: String = "1") throws -> UInt64 {
        let table = EventConditions.tables[kind]!
        return try number(
            """
            SELECT \(column) FROM \(table) WHERE \(window(kind)) AND \(condition) ORDER BY \(column) LIMIT 1 OFFSET
            (SELECT (count(*) * \(percent) + 99) / 100 - 1 FROM \(table) WHERE \(window(kind)) AND \(condition))
            """)
    }

    /// The number of events that name each of several subjects.
    func ranking(_ columns: [String: [String]], names: String, _ condition: String = "1") throws -> [String: UInt64] {
        // A UNION contains each pair of an event and a name once.
        let pairs = columns.flatMap { kind, columns in
            columns.map {
                "SELECT id, \($0) AS name FROM \(EventConditions.tables[kind]!) WHERE \(window(kind)) AND \(condition)"
            }
        }.joined(separator: " UNION ")
        let rows = try log.query(
            """
            SELECT iif(typeof(value) = 'text', hex(value), lower(hex(value))), count(*) FROM (\(pairs)) AS pair
            JOIN \(names) ON \(names).id = pair.name GROUP BY 1
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], UInt64($0[1]) ?? 0) })
    }

    /// How many rows of a kind name each value in a column, and the sum of a number in them.
    func sums(of number: String, by column: String, kinds: [String], names: String) throws -> [String: [UInt64]] {
        let parts = kinds.map {
            "SELECT \(column) AS name, \(number) AS number FROM \(EventConditions.tables[$0]!) WHERE \(window($0))"
        }
        let rows = try log.query(
            """
            SELECT lower(hex(value)), count(*), sum(number) FROM (\(parts.joined(separator: " UNION ALL "))) AS part
            JOIN \(names) ON \(names).id = part.name GROUP BY 1
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], [UInt64($0[1]) ?? 0, UInt64($0[2]) ?? 0]) })
    }

    /// The number of events in each period, by its start in seconds; of all kinds, or of one.
    func periods(seconds: Int64, of kinds: [String] = eventKinds, _ condition: String = "1") throws -> [UInt64: UInt64] {
        let tables = kinds.map { "SELECT time FROM \(EventConditions.tables[$0]!) WHERE \(window($0)) AND \(condition)" }
        let times = tables.joined(separator: " UNION ALL ")
        let rows = try log.query("SELECT time / \(seconds * 1_000_000) * \(seconds), count(*) FROM (\(times)) GROUP BY 1")
        return Dictionary(uniqueKeysWithValues: rows.map { (UInt64($0[0]) ?? 0, UInt64($0[1]) ?? 0) })
    }

    func reasons() throws -> [String: UInt64] {
        let rows = try log.query(
            """
            SELECT coalesce((SELECT value FROM reason_name WHERE reason_name.id = auth.reason), ''), count(*) FROM auth
            WHERE \(window("auth")) AND ok = 0 GROUP BY 1
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], UInt64($0[1]) ?? 0) })
    }
}

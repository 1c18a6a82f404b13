import TestSupport

/// A question to `count`, as the command takes it and as plain SQL over the rows: no segments, no postings.
struct CountShape {
    var fields: [String] = []
    var filter = EventConditions()
    var sum: String?
    var max: String?
    var distinct: String?
    var first = false
    var last = false
    var having: Int?

    static let fields = [
        "kind", "user", "sender", "recipient", "identity", "channel", "reason", "class", "minute", "hour", "day", "weekday",
        "hour_of_day",
    ]

    var arguments: [String] {
        var words = filter.arguments
        if !fields.isEmpty { words += ["--by", fields.joined(separator: ",")] }
        if let sum { words += ["--sum", sum] }
        if let max { words += ["--max", max] }
        if let distinct { words += ["--distinct", distinct] }
        if first { words.append("--first") }
        if last { words.append("--last") }
        if let having { words += ["--having", "events>=\(having)"] }
        return words
    }

    /// The names of the columns, in order.
    var columns: [String] {
        fields + ["events"] + (sum.map { [$0] } ?? []) + (max.map { ["max_\($0)"] } ?? [])
            + (distinct.map { [$0 == "identity" ? "identities" : $0 + "s"] } ?? []) + (first ? ["first"] : [])
            + (last ? ["last"] : [])
    }

    // MARK: SQL

    /// The kinds that have a field.
    private static func kinds(of field: String) -> [String] {
        switch field {
        case "user": ["auth", "user_registered"]
        case "sender", "bytes": ["message_enqueue", "batch_enqueue"]
        case "recipient": ["message_enqueue", "batch_enqueue", "fetch"]
        case "identity": Array(EventConditions.identityFields.keys)
        case "channel": EventConditions.channelKinds
        case "reason", "class": ["auth"]
        case "count": ["fetch"]
        default: eventKinds
        }
    }

    private var fittingKinds: [String] {
        let named = fields + [sum, max, distinct].compactMap { $0 }
        return eventKinds.filter { kind in named.allSatisfy { Self.kinds(of: $0).contains(kind) } }
    }

    /// Whether no kind of event has all the fields named and can meet the filter.
    var isContradictory: Bool {
        filter.isContradictory || (filter.ok && fields.contains("class")) || fittingKinds.isEmpty
            || !fittingKinds.contains { filter.condition($0) != nil }
    }

    private static let columns = [
        "sender", "recipient", "channel", "bytes", "user", "ok", "reason", "initiator", "peer", "count", "identity",
    ]
    private static let columnsOfKind: [String: [String]] = [
        "message_enqueue": ["sender", "recipient", "channel", "bytes"],
        "batch_enqueue": ["sender", "recipient", "channel", "bytes"], "auth": ["user", "ok", "reason"],
        "channel_created": ["channel", "initiator", "peer"], "fetch": ["recipient", "channel", "count"],
        "user_registered": ["user", "identity"],
    ]

    /// Every row that counts, with all columns.
    private var rows: String {
        let parts = fittingKinds.compactMap { kind -> String? in
            guard let condition = filter.condition(kind) else { return nil }
            let own = Self.columnsOfKind[kind]!
            let columns = Self.columns.map { own.contains($0) ? $0 : "NULL AS \($0)" }.joined(separator: ", ")
            return "SELECT id, time, '\(kind)' AS kind, \(columns) FROM \(EventConditions.tables[kind]!) WHERE \(condition)"
        }
        return parts.joined(separator: " UNION ALL ")
    }

    /// Each pair of an event and an identity in it, once.
    private static let persons = ["sender", "recipient", "initiator", "peer", "identity"].map {
        "SELECT id, \($0) AS person FROM event WHERE \($0) IS NOT NULL"
    }.joined(separator: " UNION ")

    private func key(_ field: String) -> String {
        func local(_ format: String) -> String { "strftime('\(format)', time / 1000000, 'unixepoch', 'localtime')" }
        func start(_ format: String) -> String { "CAST(strftime('%s', \(local(format)), 'utc') AS INTEGER)" }
        func name(_ column: String, _ table: String) -> String { "(SELECT lower(hex(value)) FROM \(table) WHERE id = \(column))" }
        return switch field {
        case "sender", "recipient": name("event.\(field)", "identity_name")
        case "identity": name("person.person", "identity_name")
        case "channel": name("channel", "channel_name")
        case "user": "(SELECT value FROM user_name WHERE id = user)"
        case "reason": "(SELECT value FROM reason_name WHERE id = reason)"
        case "class": EventConditions.classOfReason
        case "minute": "time / 60000000 * 60"
        case "hour": start("%Y-%m-%d %H:00:00")
        case "day": start("%Y-%m-%d 00:00:00")
        case "weekday":
            "CASE \(local("%w")) WHEN '0' THEN 'Sunday' WHEN '1' THEN 'Monday' WHEN '2' THEN 'Tuesday' WHEN '3' THEN 'Wednesday' "
                + "WHEN '4' THEN 'Thursday' WHEN '5' THEN 'Friday' ELSE 'Saturday' END"
        case "hour_of_day": "CAST(\(local("%H")) AS INTEGER)"
        default: field
        }
    }

    /// Its rows: keys, events, and everything but the distinct count.
    var sql: String {
        var columns = fields.map(key) + ["count(*)"]
        if let sum { columns.append("coalesce(sum(\(sum)), 0)") }
        if let max { columns.append("coalesce(max(\(max)), 0)") }
        if first { columns.append("min(time)") }
        if last { columns.append("max(time)") }
        return select(columns, persons: fields.contains("identity"))
    }

    /// Its keys, and the distinct count for each.
    var distinctSQL: String? {
        guard let distinct else { return nil }
        let counted = distinct == "identity" ? "other.person" : distinct
        let join = distinct == "identity" ? " LEFT JOIN person AS other ON other.id = event.id" : ""
        return select(fields.map(key) + ["count(DISTINCT \(counted))"], persons: fields.contains("identity"), join)
    }

    private func select(_ columns: [String], persons: Bool, _ join: String = "") -> String {
        var text = "WITH event AS MATERIALIZED (\(rows)), person AS MATERIALIZED (\(Self.persons)) "
        text += "SELECT \(columns.joined(separator: ", ")) FROM event"
        if persons { text += " JOIN person ON person.id = event.id" }
        text += join
        if fields.contains("class") { text += " WHERE ok = 0" }
        if !fields.isEmpty { text += " GROUP BY " + fields.indices.map { "\($0 + 1)" }.joined(separator: ", ") }
        return text + " HAVING count(*) > 0"
    }

    // MARK: Choice

    static func random(about log: SeededLog, _ generator: inout SeededGenerator) -> CountShape {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        var shape = CountShape()
        shape.fields = Array(fields.shuffled(using: &generator).prefix(Int.random(in: 0...2, using: &generator)))
        shape.filter = EventConditions.random(log, &generator)
        shape.filter.newest = nil
        shape.filter.reversed = false
        // Most conditions match few events; half of the questions are about time alone, which segments answer.
        if chance(50) {
            let (since, until, failed, ok) = (shape.filter.since, shape.filter.until, chance(20), chance(10))
            shape.filter = EventConditions()
            (shape.filter.since, shape.filter.until) = (since, until)
            (shape.filter.failed, shape.filter.ok) = (failed, ok && !failed)
        }
        if chance(20) { shape.sum = ["bytes", "count"].randomElement(using: &generator) }
        if chance(10) { shape.max = ["bytes", "count"].randomElement(using: &generator) }
        if chance(30) { shape.distinct = ["user", "identity", "channel"].randomElement(using: &generator) }
        shape.first = chance(15)
        shape.last = chance(15)
        if chance(15) { shape.having = Int.random(in: 1..<200, using: &generator) }
        return shape
    }
}

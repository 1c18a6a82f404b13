import CSQLite
import MetricsModel

/// Finds the segments that hold rows, by the tables' own keys: a gap in the ids costs six lookups, however wide it is. Everything
/// that walks a log's segments uses this, so that no number in the file determines how long a loop runs or how deep a call nests.
package final class OccupiedSegments {
    /// By kind: the smallest id in a range.
    private let firstIDs: [Statement]

    package convenience init(_ database: Database) throws(LogError) {
        var statements: [Statement] = []
        for kind in EventKind.allCases {
            statements.append(
                try database.prepare("SELECT min(id) FROM \(kind.table) WHERE id >= ? AND id < ?"))
        }
        self.init(statements)
    }

    private init(_ firstIDs: [Statement]) { self.firstIDs = firstIDs }

    /// The smallest id of a row in a range; nil if there is none.
    package func firstID(from id: Int64, to end: Int64) throws(LogError) -> Int64? {
        var first: Int64?
        for statement in firstIDs {
            statement.bind(id, at: 1)
            statement.bind(end, at: 2)
            defer { statement.reset() }
            if try statement.step(), !statement.isNull(0) { first = min(statement.integer(0), first ?? Int64.max) }
        }
        return first
    }

    /// The first segment that holds a row, at or after one segment and before another.
    package func next(from segment: Int64, to end: Int64) throws(LogError) -> Int64? {
        guard segment < end else { return nil }
        return try firstID(from: Segment.firstID(segment), to: Segment.firstID(end)).map { Segment.of($0) }
    }
}

extension Segment {
    /// Ids are below this: this one, a larger one or a negative one is damage.
    package static let idLimit: Int64 = 1 << 48

    /// The smallest and the largest id of a kind's rows; nil if it has none.
    ///
    /// - Throws: `LogError`, with cause `.corrupt` for ids that no log can have assigned.
    package static func range(of kind: EventKind, in database: Database) throws(LogError) -> (first: Int64, last: Int64)? {
        guard let first = try database.integer("SELECT min(id) FROM \(kind.table)"),
            let last = try database.integer("SELECT max(id) FROM \(kind.table)")
        else { return nil }
        try expectPossible(id: first, path: database.path)
        try expectPossible(id: last, path: database.path)
        return (first, last)
    }

    /// - Throws: `LogError` with cause `.corrupt` for an id that no log can have assigned.
    package static func expectPossible(id: Int64, path: String) throws(LogError) {
        guard id >= 0, id < idLimit else {
            throw LogError(
                operation: "open", path: path, code: SQLITE_CORRUPT,
                detail: "it names the event id \(id), which no log can have given")
        }
    }
}

extension Segment {
    /// The smallest id in the log; nil if it has no rows.
    package static func oldestID(in database: Database) throws(LogError) -> Int64? {
        var oldest: Int64?
        for kind in EventKind.allCases {
            let id = try database.integer("SELECT min(id) FROM \(kind.table)")
            if let id { oldest = min(id, oldest ?? id) }
        }
        return oldest
    }
}

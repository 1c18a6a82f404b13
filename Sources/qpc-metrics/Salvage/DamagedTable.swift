import EventLog

/// Reads one table of a damaged log, in the order of ids, around whatever cannot be read.
///
/// SQLite stops at the first page that makes no sense. The next readable id is then looked for in steps that double and are then
/// halved, so that a damaged page costs some forty lookups and only its own rows.
struct DamagedTable {
    private let database: Database
    private let name: String
    private let columns: String
    /// Columns that hold an integer in every sound row, by position; the others may be NULL.
    private let integers: [Int32]
    private let nullable: [Int32]

    /// Places that could not be read, and rows that cannot be the table's.
    private(set) var holes = 0
    private(set) var impossible = 0

    /// A table that is nothing but holes is given up.
    private static let holeLimit = 100_000

    /// - Parameter columns: without `id`, which is the first of each row.
    init(_ database: Database, _ name: String, _ columns: [String], integers: [Int32] = [], nullable: [Int32] = []) {
        self.database = database
        self.name = name
        self.columns = (["id"] + columns).joined(separator: ", ")
        self.integers = integers
        self.nullable = nullable
    }

    /// - Parameter body: gets each row, its id first. What it throws ends the reading.
    mutating func read(_ body: (Statement) throws -> Void) throws {
        var next: Int64 = 0
        while holes < Self.holeLimit {
            guard let rows = try? database.prepare("SELECT \(columns) FROM \(name) WHERE id >= \(next) ORDER BY id") else {
                holes += 1
                return
            }
            if try read(rows, &next, body) { return }
            holes += 1
            guard let resumed = readable(behind: next) else { return }
            next = resumed
        }
    }

    /// - Returns: false at a place that cannot be read.
    private mutating func read(_ rows: Statement, _ next: inout Int64, _ body: (Statement) throws -> Void) throws -> Bool {
        while true {
            let isRow: Bool
            do { isRow = try rows.step() } catch { return false }
            guard isRow else { return true }
            let id = rows.integer(0)
            // A page that leads back, or ids that no log has.
            guard id >= next, id < Int64.max else { return false }
            next = id + 1
            guard integers.allSatisfy({ rows.isInteger($0) }), nullable.allSatisfy({ rows.isInteger($0) || rows.isNull($0) })
            else {
                impossible += 1
                continue
            }
            try body(rows)
        }
    }

    /// The first id from which the table can be read again; nil if there is none.
    private func readable(behind damaged: Int64) -> Int64? {
        var bad = damaged
        var step: Int64 = 1
        var good: Int64
        while true {
            let (next, isOver) = damaged.addingReportingOverflow(step)
            guard !isOver else { return nil }
            good = next
            if canRead(from: good) { break }
            bad = good
            let (double, isTooLong) = step.multipliedReportingOverflow(by: 2)
            guard !isTooLong else { return nil }
            step = double
        }
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2
            if canRead(from: middle) { good = middle } else { bad = middle }
        }
        return good
    }

    private func canRead(from id: Int64) -> Bool {
        do {
            let row = try database.prepare("SELECT id FROM \(name) WHERE id >= \(id) ORDER BY id LIMIT 1")
            // Its end can be read, too.
            return try !row.step() || row.integer(0) >= id
        } catch { return false }
    }
}

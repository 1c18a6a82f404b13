import MetricsModel

/// Rereads the rows in a range of ids and times into a summary.
package final class SegmentScan {
    private let database: Database
    private var statements: [Statement] = []

    package init(_ database: Database) { self.database = database }

    /// Adds up the rows in a range of ids and of times.
    package func add(
        ids: Range<Int64>, since: Int64 = Int64.min, until: Int64 = Int64.max, to summary: SegmentSummary
    ) throws(LogError) {
        if statements.isEmpty {
            for kind in EventKind.allCases {
                statements.append(
                    try database.prepare(
                        "SELECT * FROM \(kind.table) WHERE id >= ? AND id < ? AND time >= ? AND time < ?"))
            }
        }
        let row = UnsafeMutablePointer<Int64>.allocate(capacity: EventKind.columnLimit)
        defer { row.deallocate() }
        for kind in EventKind.allCases {
            let statement = statements[kind.index]
            let columns = kind.columnCount
            statement.bind(ids.lowerBound, at: 1)
            statement.bind(ids.upperBound, at: 2)
            statement.bind(since, at: 3)
            statement.bind(until, at: 4)
            while try statement.step() {
                Self.fill(row, columns: columns, statement)
                summary.add(kind, row)
            }
            statement.reset()
        }
    }

    /// The columns of a row as `SegmentSummary` expects them.
    @inline(__always)
    package static func fill(_ row: UnsafeMutablePointer<Int64>, columns: Int, _ statement: Statement) {
        for column in 0..<columns {
            let value = statement.integer(Int32(truncatingIfNeeded: column))
            row[column] = value == 0 && statement.isNull(Int32(truncatingIfNeeded: column)) ? RowBatch.null : value
        }
    }
}

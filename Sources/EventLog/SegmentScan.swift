import MetricsModel

/// Reads rows again, of a range of ids and times, into a summary.
final class SegmentScan {
    private let connection: Connection
    private var statements: [Statement] = []

    init(_ connection: Connection) { self.connection = connection }

    /// Adds up the rows of some ids, and of some times.
    func add(
        ids: Range<Int64>, since: Int64 = Int64.min, until: Int64 = Int64.max, to summary: SegmentSummary
    ) throws(LogError) {
        if statements.isEmpty {
            for kind in EventKind.allCases {
                statements.append(
                    try connection.prepare(
                        "SELECT * FROM \(Schema.table(kind)) WHERE id >= ? AND id < ? AND time >= ? AND time < ?"))
            }
        }
        let row = UnsafeMutablePointer<Int64>.allocate(capacity: Schema.columnLimit)
        defer { row.deallocate() }
        for kind in EventKind.allCases {
            let statement = statements[kind.index]
            statement.bind(ids.lowerBound, at: 1)
            statement.bind(ids.upperBound, at: 2)
            statement.bind(since, at: 3)
            statement.bind(until, at: 4)
            let columns = Schema.columns(kind)
            while try statement.step() {
                for column in 0..<columns {
                    let value = statement.integer(Int32(truncatingIfNeeded: column))
                    // No column of the log holds 0 for NULL but those that name something, whose numbers begin at 1.
                    row[column] =
                        value == 0 && statement.isNull(Int32(truncatingIfNeeded: column)) ? RowBatch.null : value
                }
                summary.add(kind, row)
            }
            statement.reset()
        }
    }
}

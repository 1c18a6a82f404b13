import MetricsModel

/// A checksum over the rows of a segment, to detect rows that changed at rest. SQLite's own check verifies pages and indexes, not
/// what a row says.
///
///     row_check     segment, sum      the sum, modulo 2^64, of a hash of each row of the segment
///
/// A sum, so that the order of rows does not matter and removed rows can be subtracted. The newest segment has one too, as of the
/// last transaction. There is none for a segment of which retention removed a part, until it is indexed again, nor for one
/// written by a version without these checks.
///
/// It detects accidents, not attackers: whoever can write the log can write the sum.
package enum RowCheck {
    static let table = "CREATE TABLE IF NOT EXISTS row_check (segment INTEGER PRIMARY KEY, sum INTEGER NOT NULL);"

    /// - Parameter row: all columns of a row of the kind's table; NULL is `RowBatch.null`.
    @inline(__always)
    static func hash(_ kind: EventKind, _ row: UnsafePointer<Int64>, columns: Int) -> UInt64 {
        var hash = Checksum.start &+ UInt64(truncatingIfNeeded: kind.index)
        for column in 0..<columns { hash = Checksum.mix(hash, row[column]) }
        return hash
    }

    /// Nil if the log has none for that segment.
    package static func read(_ segment: Int64, in database: Database) throws(LogError) -> UInt64? {
        try database.integer("SELECT sum FROM row_check WHERE segment = \(segment)").map { UInt64(bitPattern: $0) }
    }

    static func write(_ sum: UInt64, of segment: Int64, in database: Database) throws(LogError) {
        try database.execute(
            "INSERT OR REPLACE INTO row_check VALUES (\(segment), \(Int64(bitPattern: sum)))", operation: "write")
    }

    static func remove(_ segments: Range<Int64>, in database: Database) throws(LogError) {
        try database.execute(
            "DELETE FROM row_check WHERE segment >= \(segments.lowerBound) AND segment < \(segments.upperBound)",
            operation: "write")
    }

    /// Whether the log was ever written to by a version that keeps these sums.
    package static func isKept(in database: Database) throws(LogError) -> Bool {
        try database.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'row_check'") != nil
    }
}

import Glibc
import MetricsModel
import TestSupport
import Testing

@testable import EventLog

@Suite struct RowBatchTests {
    private let place = DataPlace()
    private let database: Database

    init() throws {
        try #require(mkdir(place.path, 0o755) == 0)
        _ = try EventLogWriter(directory: place.path, mode: .plain, keys: nil, syncEachCommit: false)
        database = try Database(path: place.path + "/events.db", mode: .writer)
    }

    /// All values differ; every seventh is absent.
    private func value(row: Int, column: Int) -> Int64? {
        if column > 1, (row + column) % 7 == 0 { return nil }
        return Int64(row * 100 + column + 1)
    }

    private func fill(_ batch: inout RowBatch, _ kind: EventKind, rows: Range<Int>) throws {
        for row in rows {
            for column in 0..<kind.columnCount { batch.row[column] = value(row: row, column: column) ?? RowBatch.null }
            try batch.added()
        }
    }

    private func stored(_ kind: EventKind) throws -> [[Int64?]] {
        let query = try database.prepare("SELECT * FROM \(kind.table) ORDER BY id")
        var rows: [[Int64?]] = []
        while try query.step() {
            rows.append((0..<Int32(kind.columnCount)).map { query.isNull($0) ? nil : query.integer($0) })
        }
        return rows
    }

    // A statement takes 128 rows. Only numbers may be absent in a table without NOT NULL.
    @Test("Every row that was added is in the table once", arguments: [0, 1, 127, 128, 129, 300])
    func flush(count: Int) throws {
        var batch = try RowBatch(.userRegistered, database)
        try fill(&batch, .userRegistered, rows: 0..<count)
        #expect(try stored(.userRegistered).count == count / 128 * 128)
        try batch.flush()
        try batch.flush()
        #expect(try stored(.userRegistered) == (0..<count).map { row in (0..<4).map { value(row: row, column: $0) } })
    }

    @Test func discardedRowsAreNotWritten() throws {
        var batch = try RowBatch(.userRegistered, database)
        try fill(&batch, .userRegistered, rows: 0..<5)
        batch.discard()
        try fill(&batch, .userRegistered, rows: 5..<6)
        try batch.flush()
        #expect(try stored(.userRegistered).map { $0[0] } == [501])
    }

    @Test("A table has the columns that the code says", arguments: EventKind.allCases)
    func columns(kind: EventKind) throws {
        let query = try database.prepare("SELECT name FROM pragma_table_info('\(kind.table)')")
        var names: [String] = []
        while try query.step() { names.append(String(decoding: query.bytes(0), as: UTF8.self)) }
        #expect(names == ["id", "time"] + kind.fields.map(\.name))
        #expect(kind.columnCount <= EventKind.columnLimit)
    }

    @Test func theViewHasAllFieldsInTheirOrder() throws {
        let query = try database.prepare("SELECT name FROM pragma_table_info('events')")
        var names: [String] = []
        while try query.step() { names.append(String(decoding: query.bytes(0), as: UTF8.self)) }
        #expect(names == EventField.allCases.map(\.name))
    }
}

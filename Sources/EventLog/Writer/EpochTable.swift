import MetricsModel
import Pseudonyms

/// The log's table `epoch`: from which id on rows were written under each epoch's key. An epoch ends where the next begins.
///
/// If the log continues without a key because the setting changed, that is recorded as an epoch whose key never existed.
package final class EpochTable {
    package struct Row {
        package var number: Int64
        package var firstID: Int64
    }

    private let database: Database
    private let insert: Statement
    /// Oldest first.
    private(set) var rows: [Row]

    package convenience init(_ database: Database) throws(LogError) {
        self.init(
            database, insert: try database.prepare("INSERT INTO epoch VALUES (?, ?)", operation: "write"),
            rows: try Self.read(database))
    }

    private init(_ database: Database, insert: Statement, rows: [Row]) {
        self.database = database
        self.insert = insert
        self.rows = rows
    }

    /// The newest epoch in which rows were written; 0 for none.
    package var newest: Int64 { rows.last?.number ?? 0 }

    /// Rereads the rows from the log, after a rollback.
    package func load() throws(LogError) { rows = try Self.read(database) }

    package static func read(_ database: Database) throws(LogError) -> [Row] {
        let query = try database.prepare("SELECT epoch, first_id FROM epoch ORDER BY epoch")
        var rows: [Row] = []
        while try query.step() { rows.append(Row(number: query.integer(0), firstID: query.integer(1))) }
        return rows
    }

    /// Part of the transaction that writes the rows.
    package func note(_ number: Int64, firstID: Int64) throws(LogError) {
        insert.bind(number, at: 1)
        insert.bind(firstID, at: 2)
        try insert.run(operation: "write")
        rows.append(Row(number: number, firstID: firstID))
    }

    /// Whether the log still has a row of that epoch.
    private func hasRows(_ index: Int) throws(LogError) -> Bool {
        let first = rows[index].firstID
        let end = index + 1 < rows.count ? rows[index + 1].firstID : Int64.max
        guard first < end else { return false }
        for kind in EventKind.allCases {
            let found = try database.integer(
                "SELECT 1 FROM \(kind.table) WHERE id >= \(first) AND id < \(end) LIMIT 1")
            if found != nil { return true }
        }
        return false
    }

    /// The epochs among these keys to which no row of the log belongs any longer.
    /// - Parameter current: the epoch being written now, which is never among them; 0 for none.
    package func spent(of keys: IdentityKeys, current: Int64) throws(LogError) -> [Int64] {
        var spent: [Int64] = []
        for epoch in keys.epochs where epoch.number != current {
            var isNeeded = false
            for index in rows.indices where rows[index].number == epoch.number { isNeeded = try hasRows(index) }
            if !isNeeded { spent.append(epoch.number) }
        }
        return spent
    }

    /// The epochs that have neither a key nor rows, except the newest: numbers are never reused.
    package func empty(keeping keys: IdentityKeys?) throws(LogError) -> [Int64] {
        var empty: [Int64] = []
        for index in rows.indices.dropLast() {
            let isKept = keys.map { $0.has(rows[index].number) } ?? false
            if isKept { continue }
            if try !hasRows(index) { empty.append(rows[index].number) }
        }
        return empty
    }

    func remove(_ numbers: [Int64]) throws(LogError) {
        for number in numbers {
            try database.execute("DELETE FROM epoch WHERE epoch = \(number)", operation: "write")
            try database.execute("DELETE FROM state WHERE key = '\(KeyCheck.name(number))'", operation: "write")
        }
    }
}

import CMachine

/// The log's table `branch`: from which id on rows belong to the branch of which name. A branch ends where the next begins.
///
/// A log that was put back from a copy uses ids again that it had used for other events after the copy was made. So that
/// `(name, id)` still names one event for ever, each writer begins a branch of its own, with a random name, in the first
/// transaction in which it writes rows: whatever a copy and its original have in common lies in branches that both have ended.
package final class BranchTable {
    package struct Row {
        package var firstID: Int64
        package var name: [UInt8]
    }

    package static let nameBytes = 16
    static let table = "CREATE TABLE IF NOT EXISTS branch (first_id INTEGER PRIMARY KEY, name BLOB NOT NULL);"

    /// More branches than this are kept only while they have rows.
    static let limit: Int64 = 1000

    private enum State {
        /// No row of this writer is in the log yet.
        case unused
        /// The open transaction begins the branch.
        case begun
        case committed
    }

    private let database: Database
    private let insert: Statement
    private var name: [UInt8]
    private var state = State.unused

    package convenience init(_ database: Database) throws(LogError) {
        guard let name = Self.newName() else { throw Self.noName(database) }
        self.init(
            database, insert: try database.prepare("INSERT OR REPLACE INTO branch VALUES (?, ?)", operation: "write"), name: name)
    }

    private init(_ database: Database, insert: Statement, name: [UInt8]) {
        self.database = database
        self.insert = insert
        self.name = name
    }

    /// Nil if the system has no random numbers.
    private static func newName() -> [UInt8]? {
        var name = [UInt8](repeating: 0, count: nameBytes)
        let count = name.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
        return count == nameBytes ? name : nil
    }

    private static func noName(_ database: Database) -> LogError {
        LogError(operation: "name", path: database.path, code: 1, detail: "the system has no random numbers")
    }

    /// Oldest first.
    package static func read(_ database: Database) throws(LogError) -> [Row] {
        let query = try database.prepare("SELECT first_id, name FROM branch ORDER BY first_id")
        var rows: [Row] = []
        while try query.step() { rows.append(Row(firstID: query.integer(0), name: query.bytes(1))) }
        return rows
    }

    /// Names the rows of a log that was written before there were branches.
    static func nameOldRows(in database: Database) throws(LogError) {
        guard try database.integer("SELECT 1 FROM branch LIMIT 1", operation: "set up") == nil else { return }
        guard let name = newName() else { throw noName(database) }
        let insert = try database.prepare("INSERT INTO branch VALUES (1, ?)", operation: "set up")
        insert.bind(blob: name, at: 1)
        try insert.run(operation: "set up")
    }

    /// What is written from now on belongs to another branch. Between transactions.
    func renew() {
        if let name = Self.newName() { self.name = name }
        state = .unused
    }

    /// Part of each transaction that writes rows.
    /// - Parameter firstID: the id of the transaction's first row.
    func note(firstID: Int64) throws(LogError) {
        guard state == .unused else { return }
        insert.bind(firstID, at: 1)
        insert.bind(blob: name, at: 2)
        try insert.run(operation: "write")
        try removeSpent()
        state = .begun
    }

    func committed() { if state == .begun { state = .committed } }

    func rolledBack() { if state == .begun { state = .unused } }

    /// Removes the oldest of very many branches, those that have no rows.
    private func removeSpent() throws(LogError) {
        guard let count = try database.integer("SELECT count(*) FROM branch", operation: "write"), count > Self.limit,
            let oldest = try Segment.oldestID(in: database)
        else { return }
        try database.execute(
            """
            DELETE FROM branch WHERE first_id < (SELECT max(first_id) FROM branch WHERE first_id <= \(oldest))
            AND first_id IN (SELECT first_id FROM branch ORDER BY first_id LIMIT \(count - Self.limit))
            """, operation: "write")
    }
}

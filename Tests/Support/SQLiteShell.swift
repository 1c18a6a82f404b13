/// The `sqlite3` program on a data directory's log: for a second opinion, and for tests that tamper with it.
public struct SQLiteShell: Sendable {
    public let path: String

    public init(_ directory: String) { path = directory + "/events.db" }

    /// Rows of columns, read-only.
    public func query(_ sql: String) throws -> [[String]] {
        let outcome = try run(["sqlite3", "-readonly", "-batch", "-bail", "-separator", "\u{1F}", path, sql])
        guard outcome.status == 0, outcome.errors.isEmpty else { throw TestFailure("\(sql): \(outcome.errors)") }
        return outcome.lines.map { $0.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init) }
    }

    public func change(_ sql: String) throws {
        let outcome = try run(["sqlite3", "-batch", "-bail", path, sql])
        guard outcome.status == 0, outcome.errors.isEmpty else { throw TestFailure("\(sql): \(outcome.errors)") }
    }
}

import EventLog

/// The rows that one writer wrote, from its first id to the next branch's. `(name, id)` names an event for ever, whatever
/// becomes of the log.
public struct LogBranch: Sendable, Equatable {
    public var firstID: Int64
    /// 16 random bytes.
    public var name: [UInt8]
}

extension EventLogReader {
    /// Oldest first; empty for a log that has no events yet, or that no plugin of this version has opened.
    public func branches() throws(LogError) -> [LogBranch] {
        guard try database.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'branch'") != nil else {
            return []
        }
        return try BranchTable.read(database).map { LogBranch(firstID: $0.firstID, name: $0.name) }
    }

    /// The smallest id in the log; nil if it has no events.
    public func oldestID() throws(LogError) -> Int64? { try Segment.oldestID(in: database) }
}

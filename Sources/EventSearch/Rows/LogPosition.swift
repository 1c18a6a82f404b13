import EventLog
import MetricsModel

/// How far a reader has got in a log: up to the event with this id.
public struct LogPosition: Sendable, Equatable {
    public var id: Int64
    /// When that event happened; nil if it is no longer in the log. Distinguishes logs that have the same ids.
    public var timeMicroseconds: Int64?

    public init(id: Int64, timeMicroseconds: Int64?) {
        self.id = id
        self.timeMicroseconds = timeMicroseconds
    }
}

extension EventLogReader {
    /// A number that changes whenever another connection commits; asking for it costs next to nothing.
    public func dataVersion() throws(LogError) -> Int64 { try database.integer("PRAGMA data_version") ?? 0 }

    /// The id of the newest event, even if that has left the log.
    public func lastID() throws(LogError) -> Int64 {
        try database.integer("SELECT value FROM state WHERE key = 'last_id'") ?? 0
    }

    public func position(at id: Int64) throws(LogError) -> LogPosition {
        var time: Int64?
        for kind in EventKind.allCases where time == nil {
            time = try database.integer("SELECT time FROM \(kind.table) WHERE id = \(id)")
        }
        return LogPosition(id: id, timeMicroseconds: time)
    }

    /// Whether this log, which may have replaced another, continues from a position: it has that event, or had it.
    public func goesOn(from known: LogPosition) throws(LogError) -> Bool {
        guard try lastID() >= known.id else { return false }
        let here = try position(at: known.id)
        return here.timeMicroseconds == known.timeMicroseconds || here.timeMicroseconds == nil
    }
}

import EventLog
import MetricsModel
import Readings

/// What can be said about a log in which nothing was found.
extension EventLogReader {
    /// When the log's oldest and newest events happened, UTC microseconds; nil for a log without events.
    public func extent() throws(LogError) -> (oldest: Int64, newest: Int64)? {
        try summing { window throws(LogError) in try window.extent() }
    }

    /// The kinds of names that the filter asks for and of which the log holds none that match.
    public func unknownNames(_ filter: EventFilter) throws(LogError) -> [NameKind] {
        try FilterTerms(filter, database).unknown
    }

    /// Whether the log holds any name of this kind.
    public func holdsNames(of kind: NameKind) throws(LogError) -> Bool {
        try database.integer("SELECT 1 FROM \(kind.table) WHERE value IS NOT NULL LIMIT 1") != nil
    }
}

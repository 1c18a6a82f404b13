import EventLog
import MetricsModel
import Pseudonyms

/// The rows written under one key, or without a key between two of them.
public struct LoggedEpoch: Sendable {
    public var number: Int64
    public var firstID: Int64
    /// UTC, microseconds; nil if no row of it is left.
    public var oldestMicroseconds: Int64?
}

extension EventLogReader {
    /// The epochs that the log knows, oldest first; empty for a log that predates epochs.
    public func epochs() throws(LogError) -> [LoggedEpoch] {
        let table = try database.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'epoch'")
        guard table != nil else { return [] }
        let rows = try EpochTable.read(database)
        var epochs: [LoggedEpoch] = []
        for (index, row) in rows.enumerated() {
            var epoch = LoggedEpoch(number: row.number, firstID: row.firstID, oldestMicroseconds: nil)
            let end = index + 1 < rows.count ? rows[index + 1].firstID : Int64.max
            for kind in EventKind.allCases {
                let time = try database.integer(
                    """
                    SELECT time FROM \(kind.table) WHERE id >= \(row.firstID) AND id < \(end)
                    ORDER BY id LIMIT 1
                    """)
                if let time { epoch.oldestMicroseconds = min(time, epoch.oldestMicroseconds ?? time) }
            }
            epochs.append(epoch)
        }
        return epochs
    }

    public func newestEvent() throws(LogError) -> Int64? {
        var newest: Int64?
        for kind in EventKind.allCases {
            let last = try database.integer("SELECT time FROM \(kind.table) ORDER BY id DESC LIMIT 1")
            if let last { newest = max(last, newest ?? last) }
        }
        return newest
    }
}

extension EventLogReader {
    /// Whether a key file belongs to this log.
    public func verdict(on keys: IdentityKeys) throws(LogError) -> KeyVerdict { try .of(keys, in: database) }
}

import EventLog
import MetricsModel

/// A row of a simulated server's log, with the sequence number that one of its fields carries.
struct LogRow {
    var id: Int64
    /// The name of the branch that it was written in.
    var branch: [UInt8]
    var time: Int64
    var seq: UInt64
    var kind: EventKind
    /// For a message; otherwise 0.
    var bytes: UInt64
    /// The id of the batch that it came in; 0 for none.
    var batch: Int64
    /// The keys of the people that it names.
    var keys: [[UInt8]]

    /// Every row of a log, in the order of ids.
    static func all(in directory: String) throws -> [LogRow] {
        let database = try Database(path: DataFile.log.path(in: directory), mode: .reader)
        let query = try database.prepare(
            """
            SELECT id, time, 0, seq, bytes, sender, recipient, 0 FROM message
            UNION ALL SELECT id, time, 1, seq, bytes, sender, recipient, batch FROM batch_message
            UNION ALL SELECT auth.id, time, 2, CAST(substr(value, 2) AS INTEGER), 0, NULL, NULL, 0
                FROM auth JOIN user_name ON user_name.id = user
            UNION ALL SELECT channel_created.id, time, 3, CAST(CAST(value AS TEXT) AS INTEGER), 0, initiator, NULL, 0
                FROM channel_created JOIN channel_name ON channel_name.id = channel
            UNION ALL SELECT id, time, 4, count, 0, recipient, NULL, 0 FROM fetch
            UNION ALL SELECT user_registered.id, time, 5, CAST(substr(value, 2) AS INTEGER), 0, identity, NULL, 0
                FROM user_registered JOIN user_name ON user_name.id = user
            ORDER BY 1
            """)
        let names = try database.prepare("SELECT id, value FROM identity_name")
        var keys: [Int64: [UInt8]] = [:]
        while try names.step() { keys[names.integer(0)] = names.bytes(1) }
        let branches = try BranchTable.read(database)
        var rows: [LogRow] = []
        while try query.step() {
            let id = query.integer(0)
            rows.append(
                LogRow(
                    id: id, branch: branches.last { $0.firstID <= id }?.name ?? [], time: query.integer(1),
                    seq: UInt64(bitPattern: query.integer(3)),
                    kind: EventKind(rawValue: UInt8(query.integer(2)))!, bytes: UInt64(bitPattern: query.integer(4)),
                    batch: query.integer(7),
                    keys: [Int32(5), 6].compactMap { query.isNull($0) ? nil : keys[query.integer($0)] ?? [] }))
        }
        return rows
    }
}

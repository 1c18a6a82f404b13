import EventLog

/// Turns the log's numbers back into the names that they stand for.
final class NameReader {
    let identities: NameCache
    let users: NameCache
    let channels: NameCache
    let reasons: NameCache

    init(_ database: Database) throws(LogError) {
        identities = try NameCache("identity_name", database)
        users = try NameCache("user_name", database)
        channels = try NameCache("channel_name", database)
        reasons = try NameCache("reason_name", database)
    }
}

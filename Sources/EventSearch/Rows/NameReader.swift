import EventLog

/// Turns the log's numbers back into the names they stand for.
final class NameReader {
    let identities: NameCache
    let users: NameCache
    let channels: NameCache
    let reasons: NameCache

    init(_ database: Database) throws(LogError) {
        identities = try NameCache(.identity, database)
        users = try NameCache(.user, database)
        channels = try NameCache(.channel, database)
        reasons = try NameCache(.reason, database)
    }
}

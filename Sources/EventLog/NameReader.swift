// The plugin never reads events.
#if !hasFeature(Embedded)

/// Turns the log's numbers back into the names that they stand for.
final class NameReader {
    let identities: NameTexts
    let users: NameTexts
    let channels: NameTexts
    let reasons: NameTexts

    init(_ connection: Connection) throws(LogError) {
        identities = try NameTexts("identity_name", connection)
        users = try NameTexts("user_name", connection)
        channels = try NameTexts("channel_name", connection)
        reasons = try NameTexts("reason_name", connection)
    }
}
#endif

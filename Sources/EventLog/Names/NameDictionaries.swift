import MetricsModel
import Pseudonyms

/// The log's four name tables.
struct NameDictionaries {
    /// The most distinct reasons kept, not counting "other".
    private static let reasonLimit = EventLogWriter.reasonLimit - 1

    let identities: NameDictionary
    let users: NameDictionary
    let channels: NameDictionary
    let reasons: NameDictionary

    init(_ database: Database) throws(LogError) {
        let key = NameHashKey()
        identities = try NameDictionary(
            .identity, key: key, places: 1 << 17, hasActivity: true,
            database: database)
        users = try NameDictionary(
            .user, key: key, places: 1 << 15, database: database)
        channels = try NameDictionary(
            .channel, key: key, places: 1 << 16, database: database)
        reasons = try NameDictionary(
            .reason, key: key, places: 1 << 11, limit: Self.reasonLimit,
            database: database)
    }

    /// In the order of `NameKind`.
    var all: [NameDictionary] { [identities, channels, users, reasons] }

    /// From now on the same bytes are stored in a different form.
    func forgetForms() {
        identities.forgetForms()
        users.forgetForms()
        channels.forgetForms()
        reasons.forgetForms()
    }

    /// After a rollback, numbers assigned in the transaction are void.
    func forgetCaches() {
        try? identities.forgetCache()
        try? users.forgetCache()
        try? channels.forgetCache()
        try? reasons.forgetCache()
    }
}

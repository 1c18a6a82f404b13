import CMachine
import MetricsModel

/// The log's four name tables.
struct NameDictionaries {
    /// The most distinct reasons kept, not counting "other".
    private static let reasonLimit = EventLogWriter.reasonLimit - 1

    let identities: NameDictionary
    let users: NameDictionary
    let channels: NameDictionary
    let reasons: NameDictionary

    init(_ database: Database) throws(LogError) {
        var seed: UInt64 = 0
        _ = getrandom(&seed, 8, 0)
        identities = try NameDictionary(
            .identity, cache: InternCache(places: 1 << 17, stride: 32, seed: seed), hasActivity: true,
            database: database)
        users = try NameDictionary(
            .user, cache: InternCache(places: 1 << 15, stride: 32, seed: seed), database: database)
        channels = try NameDictionary(
            .channel, cache: InternCache(places: 1 << 16, stride: 32, seed: seed), database: database)
        reasons = try NameDictionary(
            .reason, cache: InternCache(places: 1 << 11, stride: 64, seed: seed), limit: Self.reasonLimit,
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

/// How the plugin treats what it records: parsed once from the environment at init, stored in the header of `live.qpcm`,
/// and read back from there by every command.
public struct Settings: Sendable, Equatable {
    public var identities: IdentityMode
    /// Off leaves whatever links two people out of every row.
    public var pairs: Bool
    /// Nil: one key for ever.
    public var keyRotationNanoseconds: UInt64?
    /// The oldest age that the log keeps; nil keeps all.
    public var retentionNanoseconds: UInt64?
    /// The cap of the log; nil for none.
    public var maxLogBytes: UInt64?
    /// The ring of each thread, a power of two.
    public var ringBytes: Int
    public var flushIntervalNanoseconds: UInt64
    /// 0: SQLite syncs every commit itself. The header does not store it; read back, it is the default.
    public var syncIntervalNanoseconds: UInt64

    public var syncsEachCommit: Bool { syncIntervalNanoseconds == 0 }

    /// What an environment without any variable sets.
    public init(
        identities: IdentityMode = .pseudonym, pairs: Bool = true, keyRotationNanoseconds: UInt64? = 30 * day,
        retentionNanoseconds: UInt64? = 30 * day, maxLogBytes: UInt64? = 4 << 30, ringBytes: Int = 8 << 20,
        flushIntervalNanoseconds: UInt64 = 250_000_000, syncIntervalNanoseconds: UInt64 = 1_000_000_000
    ) {
        self.identities = identities
        self.pairs = pairs
        self.keyRotationNanoseconds = keyRotationNanoseconds
        self.retentionNanoseconds = retentionNanoseconds
        self.maxLogBytes = maxLogBytes
        self.ringBytes = ringBytes
        self.flushIntervalNanoseconds = flushIntervalNanoseconds
        self.syncIntervalNanoseconds = syncIntervalNanoseconds
    }

    public static let day: UInt64 = 86_400 * 1_000_000_000
    /// Intervals are at most an hour.
    public static let longestInterval: UInt64 = 3600 * 1_000_000_000
    public static let ringBytesAccepted = 64 << 10...1 << 30
}

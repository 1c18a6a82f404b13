/// How the plugin treats what it records: parsed once from the environment at init, stored in the header of `live.qpcm`,
/// and read back from there by every command.
public struct Settings: Sendable, Equatable {
    public var identities: IdentityMode
    /// Off: whatever links two people is left out of every row.
    public var pairs: Bool
    /// Nil: one key forever.
    public var keyRotationNanoseconds: UInt64?
    /// The age up to which the log keeps events; nil keeps all.
    public var retentionNanoseconds: UInt64?
    /// The log's size cap; nil for none.
    public var maxLogBytes: UInt64?
    /// The size of each thread's ring, a power of two.
    public var ringBytes: Int
    public var flushIntervalNanoseconds: UInt64
    /// 0: SQLite syncs every commit itself. The header does not store it; read back, it is the default.
    public var syncIntervalNanoseconds: UInt64
    /// Off: events are counted, and none gets a row. There is then nobody to name either: `identities` is `none`.
    public var keepsRows: Bool
    /// Whether an operator's key is set: keys of pseudonyms are on the disk only sealed to it.
    public var sealsKeys: Bool
    /// Off: the server calls no hook for a message that comes alone, so nothing is known of these.
    public var messageHook: Bool

    public var syncsEachCommit: Bool { syncIntervalNanoseconds == 0 }

    /// The defaults, which hold if no environment variable is set.
    public init(
        identities: IdentityMode = .pseudonym, pairs: Bool = true, keyRotationNanoseconds: UInt64? = 30 * day,
        retentionNanoseconds: UInt64? = 30 * day, maxLogBytes: UInt64? = 4 << 30, ringBytes: Int = 8 << 20,
        flushIntervalNanoseconds: UInt64 = 250_000_000, syncIntervalNanoseconds: UInt64 = 1_000_000_000,
        keepsRows: Bool = true, sealsKeys: Bool = false, messageHook: Bool = true
    ) {
        self.identities = identities
        self.pairs = pairs
        self.keyRotationNanoseconds = keyRotationNanoseconds
        self.retentionNanoseconds = retentionNanoseconds
        self.maxLogBytes = maxLogBytes
        self.ringBytes = ringBytes
        self.flushIntervalNanoseconds = flushIntervalNanoseconds
        self.syncIntervalNanoseconds = syncIntervalNanoseconds
        self.keepsRows = keepsRows
        self.sealsKeys = sealsKeys
        self.messageHook = messageHook
    }

    /// Each setting that the header stores: its variable's name after `QPC_METRICS_PLUGIN_`, and the value as one would set it.
    public var words: [(name: String, value: String)] {
        [
            ("IDENTITIES", identities.name), ("PAIRS", pairs ? "on" : "off"),
            ("KEY_ROTATION", Self.orOff(keyRotationNanoseconds, Self.time)),
            ("RETENTION", Self.orOff(retentionNanoseconds, Self.time)), ("MAX_SIZE", Self.orOff(maxLogBytes, Self.size)),
            ("RING_SIZE", Self.size(UInt64(ringBytes))), ("FLUSH_INTERVAL", Self.time(flushIntervalNanoseconds)),
            ("LOG", keepsRows ? "on" : "off"), ("MESSAGE_HOOK", messageHook ? "on" : "off"),
        ]
    }

    /// Says why there are no events, wherever somebody asks for them.
    public static var logIsOff: String { "the log is off (QPC_METRICS_PLUGIN_LOG=off)" }

    /// Says why there is nothing about messages that come alone.
    public static var messagesAreNotMeasured: String { "not measured (QPC_METRICS_PLUGIN_MESSAGE_HOOK=off)" }

    private static func orOff(_ value: UInt64?, _ text: (UInt64) -> String) -> String { value.map { text($0) } ?? "off" }

    /// `30d`, `250ms`: in the largest unit that divides it evenly.
    public static func time(_ nanoseconds: UInt64) -> String {
        let second: UInt64 = 1_000_000_000
        if nanoseconds == 0 { return "0" }
        if nanoseconds % day == 0 { return "\(nanoseconds / day)d" }
        if nanoseconds % (3600 * second) == 0 { return "\(nanoseconds / (3600 * second))h" }
        if nanoseconds % (60 * second) == 0 { return "\(nanoseconds / (60 * second))m" }
        if nanoseconds % second == 0 { return "\(nanoseconds / second)s" }
        return "\(nanoseconds / 1_000_000)ms"
    }

    /// `4GiB`, `65536`: in the largest unit that divides it evenly.
    public static func size(_ bytes: UInt64) -> String {
        if bytes % (1 << 40) == 0, bytes > 0 { return "\(bytes >> 40)TiB" }
        if bytes % (1 << 30) == 0, bytes > 0 { return "\(bytes >> 30)GiB" }
        if bytes % (1 << 20) == 0, bytes > 0 { return "\(bytes >> 20)MiB" }
        if bytes % (1 << 10) == 0, bytes > 0 { return "\(bytes >> 10)KiB" }
        return "\(bytes)"
    }

    public static let day: UInt64 = 86_400 * 1_000_000_000
    /// Intervals are at most an hour.
    public static let longestInterval: UInt64 = 3600 * 1_000_000_000
    public static let ringBytesAccepted = 64 << 10...1 << 30
}

import MetricsModel

/// Which events a query is about. All conditions must be met.
public struct EventFilter: Sendable {
    /// An identity, user or channel in the forms in which the log may hold it: as it arrived, and as its pseudonym under each
    /// known key. An event matches if it holds any of them.
    public struct Term: Sendable, Equatable {
        public var plain: [UInt8]?
        public var pseudonyms: [[UInt8]]
        /// The beginning of a pseudonym or key, as shown by a table on a terminal; matches everything that begins with it.
        public var prefix: Prefix?

        public init(plain: [UInt8]?, pseudonyms: [[UInt8]], prefix: Prefix? = nil) {
            self.plain = plain
            self.pseudonyms = pseudonyms
            self.prefix = prefix
        }
    }

    /// The range of values that begin with some hexadecimal digits.
    public struct Prefix: Sendable, Equatable {
        /// The smallest of these values.
        public var first: [UInt8]
        /// The smallest value past the range; nil if there is none.
        public var end: [UInt8]?

        public init(first: [UInt8], end: [UInt8]?) {
            self.first = first
            self.end = end
        }
    }

    /// Empty for all kinds.
    public var kinds: [EventKind] = []
    /// At or after: UTC, microseconds since 1970.
    public var sinceMicroseconds: Int64?
    /// Before: UTC, microseconds since 1970.
    public var untilMicroseconds: Int64?
    public var user: Term?
    /// Whether to also match events of the keys that the user registered, in whatever role.
    public var includesKeys = false
    /// Matches sender, recipient, initiator, peer and identity.
    public var identity: Term?
    public var channel: Term?
    public var sender: Term?
    /// The recipient of a message or a fetch.
    public var recipient: Term?
    /// Failed logins only.
    public var failedOnly = false
    /// Successful logins only.
    public var okOnly = false
    /// Logins whose reason contains these words, or words that begin with them: `ReasonWords`.
    public var reason: String?
    /// Failed logins of this class.
    public var failureClass: FailureClass?
    /// Messages with a payload of at least this many bytes.
    public var minBytes: Int64?
    /// Only events with a larger id.
    public var afterID: Int64?
    /// Only events with a smaller id.
    public var beforeID: Int64?
    /// Only this many of the newest matches.
    public var newest: Int?
    /// Newest first.
    public var reversed = false

    public init() {}
}

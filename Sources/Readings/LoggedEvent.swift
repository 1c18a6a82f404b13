import MetricsModel

/// Text that the log keeps once and many rows name: an identity, a user, a channel or a reason, as it is shown (keys,
/// channels and pseudonyms as small hexadecimal digits).
///
/// It is borrowed from whoever read the log, and valid as long as the event that it came with: a row costs neither a copy
/// of it nor a count of its users.
public struct InternedText: @unchecked Sendable {
    public let bytes: UnsafeBufferPointer<UInt8>
    /// Whether it can stand in JSON and CSV as it is: ASCII that is seen, without quote, backslash or comma, and with no
    /// space at either end.
    public let isPlain: Bool

    public init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        isPlain =
            bytes.first != nil && bytes.first != 0x20 && bytes.last != 0x20
            && bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x2C && $0 != 0x5C }
    }

    /// A copy.
    public var utf8: [UInt8] { Array(bytes) }
}

/// What a field of an event holds.
public enum FieldValue: Sendable {
    case absent
    case number(UInt64)
    case flag(Bool)
    case text(InternedText)
}

/// One event read from the log: plain memory, so that ten million pass without an allocation.
public struct LoggedEvent: Sendable {

    /// Unique, rising in the order in which the log took events in.
    public var id: Int64 = 0
    /// UTC, microseconds since 1970.
    public var timeMicroseconds: Int64 = 0
    public var kind: EventKind = .fetch
    /// Parallel to `kind.fields`; what follows is meaningless.
    public var values: InlineArray<7, FieldValue> = .init(repeating: .absent)

    public init() {}
}

import MetricsModel

/// Text that the log stores once and many rows refer to: an identity, a user, a channel or a reason, as displayed (keys, channels
/// and pseudonyms in lowercase hexadecimal).
///
/// It is borrowed from whoever read the log, and valid as long as the event that it came with: a row costs neither a copy nor
/// reference counting.
public struct InternedText: @unchecked Sendable {
    public let bytes: UnsafeBufferPointer<UInt8>
    /// Whether it can go into JSON and CSV as it is: printable ASCII without quotes, backslashes or commas, and without a space
    /// at either end.
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

/// The value of an event's field.
public enum FieldValue: Sendable {
    case absent
    case number(UInt64)
    case flag(Bool)
    case text(InternedText)
}

/// One event read from the log: plain memory, so that ten million of them need no allocation.
public struct LoggedEvent: Sendable {

    /// Unique, ascending in the order in which the log took events in.
    public var id: Int64 = 0
    /// UTC, microseconds since 1970.
    public var timeMicroseconds: Int64 = 0
    public var kind: EventKind = .fetch
    /// Parallel to `kind.fields`; further elements are meaningless.
    public var values: InlineArray<7, FieldValue> = .init(repeating: .absent)

    public init() {}
}

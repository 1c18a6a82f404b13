/// The fields of an event as users see them, in the order in which JSON and CSV list them.
public enum EventField: Int, CaseIterable, Sendable {
    case id, time, kind
    case sender, recipient, channel, bytes, seq, batch, batchSize
    case user, ok, reason
    case initiator, peer, new
    case count
    case identity

    public var name: String {
        switch self {
        case .id: "id"
        case .time: "time"
        case .kind: "kind"
        case .sender: "sender"
        case .recipient: "recipient"
        case .channel: "channel"
        case .bytes: "bytes"
        case .seq: "seq"
        case .batch: "batch"
        case .batchSize: "batch_size"
        case .user: "user"
        case .ok: "ok"
        case .reason: "reason"
        case .initiator: "initiator"
        case .peer: "peer"
        case .new: "new"
        case .count: "count"
        case .identity: "identity"
        }
    }

    /// The fields that a kind can have after `id`, `time` and `kind`, in the order of the log's columns.
    public static func fields(of kind: EventKind) -> [EventField] {
        switch kind {
        case .messageEnqueue: [.sender, .recipient, .channel, .bytes, .seq]
        case .batchEnqueue: [.sender, .recipient, .channel, .bytes, .seq, .batch, .batchSize]
        case .auth: [.user, .ok, .reason]
        case .channelCreated: [.channel, .initiator, .peer, .new]
        case .fetch: [.recipient, .channel, .count]
        case .userRegistered: [.user, .identity]
        }
    }
}

/// Text that is kept once and named by many rows: an identity, a user, a channel or a reason, as it is shown
/// (keys, channels and pseudonyms as small hexadecimal digits). A class, so that a row costs no copy of it.
public final class InternedText: Sendable {
    public let utf8: [UInt8]
    /// Whether it is made of ASCII letters, digits and nothing else, and so needs no escaping anywhere.
    public let isPlain: Bool

    public init(utf8: [UInt8]) {
        self.utf8 = utf8
        isPlain = utf8.allSatisfy { byte in
            (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
        }
    }

    public var text: String { String(decoding: utf8, as: UTF8.self) }
}

/// What a field of an event holds.
public enum FieldValue: Sendable {
    case absent
    case number(UInt64)
    case flag(Bool)
    case text(InternedText)
}

/// One event read from the log.
public struct LoggedEvent: Sendable {
    /// Unique, rising in the order in which the log took events in.
    public var id: Int64
    /// UTC, microseconds since 1970.
    public var timeMicroseconds: Int64
    public var kind: EventKind
    /// Parallel to `EventField.fields(of: kind)`; longer is possible, what follows is meaningless.
    public var values: [FieldValue]

    public init(id: Int64, timeMicroseconds: Int64, kind: EventKind, values: [FieldValue]) {
        self.id = id
        self.timeMicroseconds = timeMicroseconds
        self.kind = kind
        self.values = values
    }
}

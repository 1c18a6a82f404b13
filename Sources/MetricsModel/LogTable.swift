/// The fields of an event: the columns of the log's view `events`, and the order in which JSON and CSV list them.
///
/// Apart from the SQL in `Schema`, this file says which columns each kind's table has, and what each of them refers to. Three
/// hot loops spell the same columns out: `EventLogWriter.write`, `SegmentSummary.add` and `EventCursor.fill`; `CounterHistory`
/// and `WaitingTable` name those that they read.
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

    /// The table that the column refers to; nil for a number or flag.
    public var names: NameKind? {
        switch self {
        case .sender, .recipient, .initiator, .peer, .identity: .identity
        case .channel: .channel
        case .user: .user
        case .reason: .reason
        case .id, .time, .kind, .bytes, .seq, .batch, .batchSize, .ok, .new, .count: nil
        }
    }

    /// Whether the column uses all 64 bits; SQLite stores them as a signed number.
    public var isUnsigned: Bool { self == .bytes || self == .seq || self == .count }
}

/// What is kept once and referred to by number.
public enum NameKind: Int, CaseIterable, Sendable {
    case identity = 0
    case channel, user, reason

    public var table: String {
        switch self {
        case .identity: "identity_name"
        case .channel: "channel_name"
        case .user: "user_name"
        case .reason: "reason_name"
        }
    }
}

extension EventKind {
    public var table: String {
        switch self {
        case .messageEnqueue: "message"
        case .batchEnqueue: "batch_message"
        case .auth: "auth"
        case .channelCreated: "channel_created"
        case .fetch: "fetch"
        case .userRegistered: "user_registered"
        }
    }

    /// The columns of the table after `id` and `time`.
    public var fields: [EventField] {
        switch self {
        case .messageEnqueue: [.sender, .recipient, .channel, .bytes, .seq]
        case .batchEnqueue: [.sender, .recipient, .channel, .bytes, .seq, .batch, .batchSize]
        case .auth: [.user, .ok, .reason]
        case .channelCreated: [.channel, .initiator, .peer, .new]
        case .fetch: [.recipient, .channel, .count]
        case .userRegistered: [.user, .identity]
        }
    }

    /// Includes `id` and `time`.
    public var columnCount: Int { fields.count + 2 }

    /// The most columns that any kind has.
    public static let columnLimit = 9

    public func columns(naming names: NameKind) -> [String] {
        var columns: [String] = []
        for field in fields where field.names == names { columns.append(field.name) }
        return columns
    }
}

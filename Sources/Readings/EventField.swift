import MetricsModel

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

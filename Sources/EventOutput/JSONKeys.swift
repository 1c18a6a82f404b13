import MetricsModel
import Readings

extension EventField {
    /// What comes before the field's value in a JSON object; constant, so that an event copies it
    /// and no more.
    var jsonKey: StaticString {
        switch self {
        case .id: "{\"id\":"
        case .time: ",\"time\":\""
        case .kind: ",\"kind\":\""
        case .sender: ",\"sender\":"
        case .recipient: ",\"recipient\":"
        case .channel: ",\"channel\":"
        case .bytes: ",\"bytes\":"
        case .seq: ",\"seq\":"
        case .batch: ",\"batch\":"
        case .batchSize: ",\"batch_size\":"
        case .user: ",\"user\":"
        case .ok: ",\"ok\":"
        case .reason: ",\"reason\":"
        case .initiator: ",\"initiator\":"
        case .peer: ",\"peer\":"
        case .new: ",\"new\":"
        case .count: ",\"count\":"
        case .identity: ",\"identity\":"
        }
    }
}

extension EventKind {
    /// The name, as constant text.
    var nameLiteral: StaticString {
        switch self {
        case .messageEnqueue: "message_enqueue"
        case .batchEnqueue: "batch_enqueue"
        case .auth: "auth"
        case .channelCreated: "channel_created"
        case .fetch: "fetch"
        case .userRegistered: "user_registered"
        }
    }
}

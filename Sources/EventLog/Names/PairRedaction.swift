import MetricsModel

/// What `PAIRS=off` leaves out, so that no row, and nothing that rows share, links two people.
///
/// A row names at most the one person who acted; anything that rows of two people could have in common is left out:
///
/// | kind              | kept               | left out                                                        |
/// |-------------------|--------------------|-----------------------------------------------------------------|
/// | `message_enqueue` | sender             | recipient, channel; seq, which counts up through one queue      |
/// | `batch_enqueue`   | the first message's sender | every other sender, recipients, channel, seq            |
/// | `channel_created` | initiator          | peer, channel                                                   |
/// | `fetch`           | recipient          | channel                                                         |
/// | `auth`, `user_registered` | all        | nothing: they are about one person                              |
///
/// A sealed message names nobody. The messages of one batch share its id and its time, so only the first of them names anybody.
/// Times stay: docs/PRIVACY.md says what can be inferred from them.
enum PairRedaction {
    /// - Parameter id: the event's.
    static func leavePeersOut(of event: inout Event, id: Int64) {
        let nobody = UnsafeRawBufferPointer(start: nil, count: 0)
        switch event.kind {
        case .messageEnqueue:
            event.field1 = nobody
            event.field2 = nobody
            event.seq = 0
        case .batchEnqueue:
            if event.batch != id { event.field0 = nobody }
            event.field1 = nobody
            event.field2 = nobody
            event.seq = 0
        case .channelCreated:
            event.field0 = nobody
            event.field2 = nobody
        case .fetch:
            event.field1 = nobody
        case .auth, .userRegistered: break
        }
    }
}

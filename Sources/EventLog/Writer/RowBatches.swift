import MetricsModel

/// The rows of all kinds on their way in.
struct RowBatches: ~Copyable {
    var messages: RowBatch
    var batchMessages: RowBatch
    var auths: RowBatch
    var channels: RowBatch
    var fetches: RowBatch
    var registrations: RowBatch

    /// Writes the buffered rows.
    mutating func flush() throws(LogError) {
        try messages.flush()
        try batchMessages.flush()
        try auths.flush()
        try channels.flush()
        try fetches.flush()
        try registrations.flush()
    }

    mutating func discard() {
        messages.discard()
        batchMessages.discard()
        auths.discard()
        channels.discard()
        fetches.discard()
        registrations.discard()
    }
}

extension RowBatches {
    init(_ database: Database) throws(LogError) {
        self.init(
            messages: try RowBatch(.messageEnqueue, database),
            batchMessages: try RowBatch(.batchEnqueue, database),
            auths: try RowBatch(.auth, database),
            channels: try RowBatch(.channelCreated, database),
            fetches: try RowBatch(.fetch, database),
            registrations: try RowBatch(.userRegistered, database))
    }
}

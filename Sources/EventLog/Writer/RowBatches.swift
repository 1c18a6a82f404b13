/// The rows of all kinds on their way in.
struct RowBatches: ~Copyable {
    var messages: RowBatch
    var batchMessages: RowBatch
    var auths: RowBatch
    var channels: RowBatch
    var fetches: RowBatch
    var registrations: RowBatch

    /// Writes what is collected.
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
            messages: try RowBatch(table: "message", columns: 7, database: database),
            batchMessages: try RowBatch(table: "batch_message", columns: 9, database: database),
            auths: try RowBatch(table: "auth", columns: 5, database: database),
            channels: try RowBatch(table: "channel_created", columns: 6, database: database),
            fetches: try RowBatch(table: "fetch", columns: 5, database: database),
            registrations: try RowBatch(table: "user_registered", columns: 4, database: database))
    }
}

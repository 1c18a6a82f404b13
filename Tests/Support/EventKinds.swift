/// The kinds of event, by the product's names, in the order of `Tally.hooks`.
public let eventKinds = ["message_enqueue", "batch_enqueue", "auth", "channel_created", "fetch", "user_registered"]

/// The log's table of each kind.
public let logTables = ["message", "batch_message", "auth", "channel_created", "fetch", "user_registered"]

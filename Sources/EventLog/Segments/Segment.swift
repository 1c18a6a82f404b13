import MetricsModel

/// A segment: 65,536 consecutive ids of the log, the unit of the index that is kept next to the rows to answer queries fast.
///
/// The transaction that adds a segment's last id also *indexes* it: it writes when the segment's events were, how many came in
/// which minute, how big they were, why logins failed, and which rows name whom (`Posting`). An indexed segment never grows. So
/// everything derived from rows is written once, in order, and in the rows' own transaction; and whatever is not indexed, the
/// newest rows or the part of a segment that retention has left, is read from the rows themselves.
///
///     segment           segment, first_time, last_time        none of its events is outside these, µs since 1970
///     segment_minute    segment, minute, 14 sums              minute: since 1970
///     segment_size      segment, measure, bucket, count       SizeBucket
///     segment_failure   segment, reason, count                reason 0: none was given
///     posting           key, entries                          Posting
///
/// A segment is indexed if `segment` has a row for it.
public enum Segment {
    package static let idBits: Int64 = 16
    public static let ids: Int64 = 1 << idBits

    @inline(__always)
    public static func of(_ id: Int64) -> Int64 { id >> idBits }
    public static func firstID(_ segment: Int64) -> Int64 { segment << idBits }
    public static func endID(_ segment: Int64) -> Int64 { (segment + 1) << idBits }

    package static var tables: String { tables("CREATE TABLE") }

    /// The same, empty, for one connection to a log that has none.
    static var temporaryTables: String { tables("CREATE TEMP TABLE") }

    private static func tables(_ create: String) -> String {
        var sums = ""
        for column in MinuteColumn.allCases { sums += "\(column.name) INTEGER NOT NULL, " }
        return """
            \(create) segment (
                segment INTEGER PRIMARY KEY, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL);
            \(create) segment_minute (
                segment INTEGER NOT NULL, minute INTEGER NOT NULL, \(sums)
                PRIMARY KEY (segment, minute)) WITHOUT ROWID;
            \(create) segment_size (
                segment INTEGER NOT NULL, measure INTEGER NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,
                PRIMARY KEY (segment, measure, bucket)) WITHOUT ROWID;
            \(create) segment_failure (
                segment INTEGER NOT NULL, reason INTEGER NOT NULL, count INTEGER NOT NULL,
                PRIMARY KEY (segment, reason)) WITHOUT ROWID;
            \(create) posting (key INTEGER PRIMARY KEY, entries BLOB NOT NULL);
            """
    }
}

/// What a minute's events add up to.
public enum MinuteColumn: Int, CaseIterable, Sendable {
    case message = 0
    case messageSealed, messageBytes
    case batchMessage, batchMessageSealed, batchMessageBytes
    case auth, authFailed
    case channelCreated, channelNew
    case fetch, fetchEmpty, fetchMessages
    case userRegistered

    public static let count = 14

    public var name: String {
        switch self {
        case .message: "message"
        case .messageSealed: "message_sealed"
        case .messageBytes: "message_bytes"
        case .batchMessage: "batch_message"
        case .batchMessageSealed: "batch_message_sealed"
        case .batchMessageBytes: "batch_message_bytes"
        case .auth: "auth"
        case .authFailed: "auth_failed"
        case .channelCreated: "channel_created"
        case .channelNew: "channel_new"
        case .fetch: "fetch"
        case .fetchEmpty: "fetch_empty"
        case .fetchMessages: "fetch_messages"
        case .userRegistered: "user_registered"
        }
    }

    /// The column that counts a kind's events.
    @inline(__always)
    public static func events(_ kind: EventKind) -> MinuteColumn {
        switch kind {
        case .messageEnqueue: .message
        case .batchEnqueue: .batchMessage
        case .auth: .auth
        case .channelCreated: .channelCreated
        case .fetch: .fetch
        case .userRegistered: .userRegistered
        }
    }
}

/// The quantities whose sizes are kept.
public enum SizeMeasure: Int, CaseIterable, Sendable {
    /// Payload bytes of a message; of a message of a batch.
    case payload = 0
    case batchPayload
    /// Messages of a fetch.
    case fetch
    /// Messages of a batch, once per batch.
    case batch

    public static let count = 4
}

/// Sizes in buckets of an eighth of a power of two: exact below 16, and within 6 % above.
public enum SizeBucket {
    public static let count = 496

    @inline(__always)
    public static func of(_ value: UInt64) -> Int {
        guard value >= 16 else { return Int(truncatingIfNeeded: value) }
        let exponent = 63 &- value.leadingZeroBitCount
        let eighth = Int(truncatingIfNeeded: value >> UInt64(truncatingIfNeeded: exponent &- 3)) & 7
        return 16 &+ (exponent &- 4) &* 8 &+ eighth
    }

    /// The smallest value of a bucket.
    public static func lowerBound(_ bucket: Int) -> UInt64 {
        guard bucket >= 16 else { return UInt64(bucket) }
        let exponent = (bucket - 16) / 8 + 4
        return UInt64(8 + (bucket - 16) % 8) << UInt64(exponent - 3)
    }
}

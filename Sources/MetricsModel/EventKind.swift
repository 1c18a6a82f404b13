/// The six kinds of event, in the order in which every table, metric and file lists them.
public enum EventKind: UInt8, CaseIterable, Sendable {
    case messageEnqueue = 0
    case batchEnqueue
    case auth
    case channelCreated
    case fetch
    case userRegistered

    public static let count = 6

    /// The name used by the command line, the log's view and the metrics' labels.
    public var name: String {
        switch self {
        case .messageEnqueue: "message_enqueue"
        case .batchEnqueue: "batch_enqueue"
        case .auth: "auth"
        case .channelCreated: "channel_created"
        case .fetch: "fetch"
        case .userRegistered: "user_registered"
        }
    }

    @inlinable @inline(__always)
    public var index: Int { Int(truncatingIfNeeded: rawValue) }
}

/// Why a recorded event is not in the log, though nothing removed it on purpose.
public enum DropCause: Int, CaseIterable, Sendable {
    /// The thread's ring had no room.
    case ringFull = 0
    /// The thread found no slot of its own.
    case noSlot
    /// It was in the log, and was lost with it: deleted, replaced, quarantined, or not yet synced at a power cut.
    case logError
    /// Only its count survived a power cut or a damaged ring.
    case torn

    public static let count = 4

    public var name: String {
        switch self {
        case .ringFull: "ring_full"
        case .noSlot: "no_slot"
        case .logError: "log_error"
        case .torn: "torn"
        }
    }
}

/// Why an event was removed from the log.
public enum RemovalCause: Int, CaseIterable, Sendable {
    case retention = 0
    case forget

    public static let count = 2

    public var name: String {
        switch self {
        case .retention: "retention"
        case .forget: "forget"
        }
    }
}

/// What a failed flush is counted under.
public enum FlushErrorCause: Int, CaseIterable, Sendable {
    case full = 0
    case busy
    case io
    case corrupt
    case other

    public static let count = 5

    public var name: String {
        switch self {
        case .full: "full"
        case .busy: "busy"
        case .io: "io"
        case .corrupt: "corrupt"
        case .other: "other"
        }
    }
}

/// How users, keys and channels are written into the log.
public enum IdentityMode: UInt64, CaseIterable, Sendable {
    case pseudonym = 0
    case plain
    case none

    public var name: String {
        switch self {
        case .pseudonym: "pseudonym"
        case .plain: "plain"
        case .none: "none"
        }
    }

    /// Whichever of the two modes keeps less.
    public func stricter(_ other: IdentityMode) -> IdentityMode {
        if self == .none || other == .none { return .none }
        return self == .plain && other == .plain ? .plain : .pseudonym
    }
}

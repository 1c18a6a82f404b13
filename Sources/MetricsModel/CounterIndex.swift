/// Where each counter's word is in a counter area of `live.qpcm`, and its number in the log's `counter` table. The numbers are a
/// file format: a new counter takes the next free number, and none is ever reused.
///
///     0         calls of on_batch_enqueue (for every other hook, a call is an event)
///     1         events removed because the log had reached its size limit; also counted as removed by retention
///     2 ..<  6  free
///     6 ..< 12  events recorded           by kind
///    12 ..< 14  sealed messages           by path
///    14 ..< 38  payload bytes             by path: 11 buckets, then the sum
///    38 ..< 50  messages of a batch       11 buckets, then the sum
///    50 ..< 63  messages of a fetch       12 buckets, then the sum
///    63 ..< 70  failed logins             by class
///    70         channels created
///    71 ..< 77  events written            by kind
///    77 ..< 89  events removed            by kind, then cause
///    89 ..<113  events dropped            by kind, then cause
///   113 ..<215  hook's duration           by hook: 16 buckets, then the sum in nanoseconds
///   215 ..<230  flush's duration          14 buckets, then the sum in microseconds
///   230 ..<235  flush errors              by cause
///   235         files quarantined
///   236 ..<242  events lost with a log    by kind: written, then gone with a log that was deleted or quarantined;
///              also counted as dropped with cause log_error
///   242 ..<255  delivery wait             12 buckets, then the sum in microseconds
///   255         messages whose wait was not tracked, because too many other recipients have messages waiting
public enum CounterIndex {
    /// Words of a counter array; those past `used` are zero.
    public static let words = 256
    public static let used = 256

    @inlinable @inline(__always)
    public static func calls(_ kind: EventKind) -> Int { kind == .batchEnqueue ? 0 : events(kind) }
    @inlinable @inline(__always)
    public static func events(_ kind: EventKind) -> Int { 6 &+ kind.index }
    @inlinable @inline(__always)
    public static func sealed(_ path: MessagePath) -> Int { 12 &+ path.index }
    /// The first bucket; the sum follows the last.
    @inlinable @inline(__always)
    public static func payload(_ path: MessagePath) -> Int { 14 &+ 12 &* path.index }
    @inlinable @inline(__always)
    public static func payloadSum(_ path: MessagePath) -> Int { payload(path) &+ Histogram.payloadBuckets }
    @inlinable @inline(__always)
    public static var batch: Int { 38 }
    @inlinable @inline(__always)
    public static var batchSum: Int { 49 }
    @inlinable @inline(__always)
    public static var fetch: Int { 50 }
    @inlinable @inline(__always)
    public static var fetchSum: Int { 62 }
    @inlinable @inline(__always)
    public static func authFailures(_ failure: FailureClass) -> Int { 63 &+ failure.index }
    @inlinable @inline(__always)
    public static var channelsCreated: Int { 70 }
    public static func written(_ kind: EventKind) -> Int { 71 + kind.index }
    public static func removed(_ kind: EventKind, _ cause: RemovalCause) -> Int {
        77 + kind.index * RemovalCause.count + cause.rawValue
    }
    public static let removedForSize = 1
    @inlinable @inline(__always)
    public static func dropped(_ kind: EventKind, _ cause: DropCause) -> Int {
        89 &+ kind.index &* 4 &+ cause.rawValue
    }
    /// Whether the counter is one of dropped events.
    @inlinable @inline(__always)
    public static func isDropped(_ index: Int) -> Bool { index >= 89 && index < 113 }
    @inlinable @inline(__always)
    public static func hookDuration(_ kind: EventKind) -> Int { 113 &+ 17 &* kind.index }
    @inlinable @inline(__always)
    public static func hookDurationSum(_ kind: EventKind) -> Int { hookDuration(kind) &+ 16 }
    public static let flushDuration = 215
    public static let flushDurationSum = 229
    public static func flushErrors(_ cause: FlushErrorCause) -> Int { 230 + cause.rawValue }
    public static let filesQuarantined = 235
    public static func lost(_ kind: EventKind) -> Int { 236 + kind.index }
    public static let deliveryWait = 242
    public static let deliveryWaitSum = 254
    public static let untrackedMessages = 255
    /// The counters of deliveries, which only the drain counts.
    public static let deliveries = 242..<256
}

/// The two hooks through which messages come; never one series, since the server may call both for one message.
public enum MessagePath: Int, CaseIterable, Sendable {
    case single = 0
    case batch

    @inlinable @inline(__always)
    public var index: Int { rawValue }

    public var name: String { self == .single ? "single" : "batch" }
}

/// A counter's name in the log's `counter` table, for people who read it with SQLite.
public enum CounterName {
    public static func utf8(_ index: Int) -> [UInt8] { Array(text(index).utf8) }

    public static func text(_ index: Int) -> String {
        switch index {
        case 0: return "calls.batch_enqueue"
        case 1: return "removed_for_size"
        case 6..<12: return "events." + kind(index - 6)
        case 12..<14: return "sealed." + path(index - 12)
        case 14..<38: return "payload_bytes." + path((index - 14) / 12) + bucket((index - 14) % 12, of: 11)
        case 38..<50: return "batch_messages" + bucket(index - 38, of: 11)
        case 50..<63: return "fetch_messages" + bucket(index - 50, of: 12)
        case 63..<70: return "auth_failures." + (FailureClass(rawValue: UInt8(index - 63))?.name ?? "")
        case 70: return "channels_created"
        case 71..<77: return "written." + kind(index - 71)
        case 77..<89:
            return "removed." + kind((index - 77) / 2) + "."
                + (RemovalCause(rawValue: (index - 77) % 2)?.name ?? "")
        case 89..<113:
            return "dropped." + kind((index - 89) / 4) + "." + (DropCause(rawValue: (index - 89) % 4)?.name ?? "")
        case 113..<215: return "hook_duration_ns." + kind((index - 113) / 17) + bucket((index - 113) % 17, of: 16)
        case 215..<230: return "flush_duration_us" + bucket(index - 215, of: 14)
        case 230..<235: return "flush_errors." + (FlushErrorCause(rawValue: index - 230)?.name ?? "")
        case 235: return "files_set_aside"
        case 236..<242: return "lost." + kind(index - 236)
        case 242..<255: return "delivery_wait_us" + bucket(index - 242, of: 12)
        case 255: return "untracked_messages"
        default: return "free"
        }
    }

    private static func kind(_ index: Int) -> String { EventKind(rawValue: UInt8(index))?.name ?? "" }
    private static func path(_ index: Int) -> String { MessagePath(rawValue: index)?.name ?? "" }
    private static func bucket(_ index: Int, of buckets: Int) -> String {
        index == buckets ? ".sum" : ".bucket\(index)"
    }
}

/// What a shipper has done since it was started, and how far behind the log it is.
public struct ShipCounts: Sendable, Equatable {
    /// Why a batch could not be sent, and was tried again.
    public enum ErrorCause: String, CaseIterable, Sendable {
        /// The server was not reached, or the connection broke.
        case connection
        /// The server answered with an error.
        case engine
        /// The log could not be read.
        case log
    }

    /// Why events that were in the log will not be sent.
    public enum SkipCause: String, CaseIterable, Sendable {
        /// They were older than everything that is left.
        case retention
        /// They were removed from among others, as `forget` does.
        case removed
    }

    public var events: UInt64 = 0
    public var batches: UInt64 = 0
    private var errors = [UInt64](repeating: 0, count: ErrorCause.allCases.count)
    private var skipped = [UInt64](repeating: 0, count: SkipCause.allCases.count)
    /// Events, by their ids, after the last one that has arrived.
    public var lagEvents: UInt64 = 0
    /// When the oldest of them was recorded; nil if there are none.
    public var oldestMicroseconds: Int64?

    public init() {}

    public subscript(cause: ErrorCause) -> UInt64 {
        get { errors[ErrorCause.allCases.firstIndex(of: cause)!] }
        set { errors[ErrorCause.allCases.firstIndex(of: cause)!] = newValue }
    }

    public subscript(cause: SkipCause) -> UInt64 {
        get { skipped[SkipCause.allCases.firstIndex(of: cause)!] }
        set { skipped[SkipCause.allCases.firstIndex(of: cause)!] = newValue }
    }
}

import MetricsModel
import Readings

/// What `top` shows, at one point in time.
public struct LiveSample: Sendable {
    /// For rates: from a clock that is never set back, in nanoseconds.
    public var monotonicNanoseconds: UInt64 = 0
    /// UTC, nanoseconds since 1970.
    public var nowNanoseconds: UInt64 = 0
    public var heartbeatNanoseconds: UInt64 = 0
    public var snapshot = MetricsSnapshot()
    public var ringBytes = 0
    public var waitingBytes: [Int] = []
    /// How long the oldest event not yet in the log has waited; 0 if none waits.
    public var lagNanoseconds: UInt64 = 0

    public init() {}
}

import MetricsModel
import Readings

/// What `top` knows of one moment.
public struct LiveSample: Sendable {
    public enum Plugin: Sendable {
        case up
        /// It holds its directory and does not beat.
        case stuck
        case stopped
        case died
        /// There is no live file.
        case absent
    }

    /// For rates; never set back, nanoseconds.
    public var monotonicNanoseconds: UInt64 = 0
    /// UTC, nanoseconds since 1970.
    public var nowNanoseconds: UInt64 = 0
    public var plugin = Plugin.absent
    public var pid: Int32 = 0
    public var heartbeatNanoseconds: UInt64 = 0
    public var snapshot = MetricsSnapshot()
    public var ringBytes = 0
    public var waitingBytes: [Int] = []
    /// UTC, nanoseconds since 1970, of the oldest event that waits.
    public var oldestPendingNanoseconds: UInt64?

    public init() {}

    /// How long the oldest event that is not in the log has waited, in nanoseconds.
    public var lagNanoseconds: UInt64 {
        guard let oldest = oldestPendingNanoseconds, oldest < nowNanoseconds else { return 0 }
        return nowNanoseconds - oldest
    }
}

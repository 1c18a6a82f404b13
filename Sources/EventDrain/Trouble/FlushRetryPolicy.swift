import EventLog
import MetricsModel

/// Failing flushes: what to report, and what to try.
struct FlushRetryPolicy {
    /// A failed flush is retried after this long.
    static let retryNanoseconds: UInt64 = 200_000_000
    /// After I/O errors, and those of no known kind, the database is reopened at every third failure, so within a second: after a
    /// read-only remount, or when a disk was gone for a moment, SQLite may hold on to something that no longer works.
    private static let failuresBeforeReopening = 3

    enum Remedy {
        case wait
        case reopen
        case quarantine
    }

    private var failures = 0
    /// Causes reported since the trouble began, one bit each.
    private var said: UInt64 = 0

    var isThere: Bool { failures > 0 }

    mutating func reset() { self = FlushRetryPolicy() }

    mutating func record(_ error: LogError) -> (isNew: Bool, remedy: Remedy) {
        failures += 1
        if error.cause == .corrupt { return (isNew: false, remedy: .quarantine) }
        let bit = UInt64(1) << UInt64(error.cause.rawValue)
        let isNew = said & bit == 0
        said |= bit
        let isConnections = error.cause == .io || error.cause == .other
        return (isNew: isNew, remedy: isConnections && failures % Self.failuresBeforeReopening == 0 ? .reopen : .wait)
    }
}

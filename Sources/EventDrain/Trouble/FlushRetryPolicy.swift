import EventLog
import MetricsModel

/// Flushes that fail: what is to be said of it, and what to be tried.
struct FlushRetryPolicy {
    /// A failing flush is tried again so often.
    static let retryNanoseconds: UInt64 = 200_000_000
    /// The database is made anew at every third failure, so within a second: after a read-only remount, or a disk that
    /// was gone for a moment, SQLite may hold on to what no longer works.
    private static let failuresBeforeReopening = 3

    enum Remedy {
        case wait
        case reopen
        case quarantine
    }

    private var failures = 0
    /// Causes that were said since it began, a bit each.
    private var said: UInt64 = 0

    var isThere: Bool { failures > 0 }

    mutating func isOver() { self = FlushRetryPolicy() }

    mutating func meet(_ error: LogError) -> (isNew: Bool, remedy: Remedy) {
        failures += 1
        if error.cause == .corrupt { return (isNew: false, remedy: .quarantine) }
        let bit = UInt64(1) << UInt64(error.cause.rawValue)
        let isNew = said & bit == 0
        said |= bit
        let isConnections = error.cause == .io || error.cause == .other
        return (isNew: isNew, remedy: isConnections && failures % Self.failuresBeforeReopening == 0 ? .reopen : .wait)
    }
}

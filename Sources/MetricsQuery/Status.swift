import CMachine
import CMetricsLayout
import MetricsMemory
import MetricsModel
import Readings

/// Is the plugin well? What is wrong, and what to do about it.
public struct Status: Sendable {
    public enum Plugin: Sendable {
        case up(pid: Int32)
        /// It holds the directory, and does not beat.
        case stuck(pid: Int32)
        /// It ended in order.
        case stopped
        /// It was killed, or its machine went down.
        case died
        case neverRan
    }

    public var plugin: Plugin
    public var snapshot: MetricsSnapshot
    /// What a record's time is read from; nil if no plugin ran.
    public var readsTickCounter: Bool?
    /// SQLite's extended code that flushes fail with now; 0 when they do not.
    public var flushTrouble: Int32
    /// What waits in the rings; nil if no plugin ran.
    public var rings: RingSurvey?
    /// How long the oldest event has waited for the log, in nanoseconds; 0 if none waits.
    public var lagNanoseconds: UInt64 = 0
    /// Of the plugin's last run; nil if none ran.
    public var settings: Settings?
    /// Each with what to do; empty if all is well.
    public var problems: [String]

    public static func read(_ source: DataSource) throws(DataSourceError) -> Status {
        let snapshot = try SnapshotReader.read(source)
        guard let live = try source.live() else {
            return Status(
                plugin: .neverRan, snapshot: snapshot, readsTickCounter: nil, flushTrouble: 0,
                problems: ["no plugin has run here since the live file was removed: start the server with the plugin"])
        }
        let trouble = Int32(truncatingIfNeeded: live.map.word(QPCM_HEADER_LOG_TROUBLE))
        let plugin: Plugin =
            if source.isUp(live) {
                .up(pid: live.header.pid)
            } else if source.isRunning(live) {
                .stuck(pid: live.header.pid)
            } else if live.isRunning {
                .died
            } else {
                .stopped
            }
        var status = Status(
            plugin: plugin, snapshot: snapshot,
            readsTickCounter: live.header.clock == UInt64(QPCM_CLOCK_TSC), flushTrouble: trouble, problems: [])
        let rings = RingSurvey.read(live)
        let now = TickClock.realtimeNanoseconds()
        if let oldest = rings.oldestNanoseconds, oldest < now { status.lagNanoseconds = now - oldest }
        status.rings = rings
        status.settings = live.header.settings
        status.findProblems(source)
        // An event may wait for one flush, and a busy machine makes it a few.
        let lagLimit = max(2_000_000_000, 4 * min(live.header.settings.flushIntervalNanoseconds, 3_600_000_000_000))
        if case .up = plugin, status.lagNanoseconds > lagLimit, trouble == 0 {
            status.problems.append(
                "the oldest event has waited \(status.lagNanoseconds / 1_000_000_000) s for the log: "
                    + "is the disk slow or the CPU busy?"
            )
        }
        return status
    }

    private mutating func findProblems(_ source: DataSource) {
        switch plugin {
        case .up: break
        case .stuck(let pid):
            problems.append(
                "process \(pid) holds the directory, but its plugin has had no heartbeat for 5 s: "
                    + "is the process stopped, or its disk stuck? See its standard error"
            )
        case .stopped: problems.append("the plugin was shut down: start the server with it")
        case .died:
            problems.append(
                "the server died with \(snapshot.pending) events pending: "
                    + "they go into the log when it starts again, or run qpc-metrics recover"
            )
        case .neverRan: break
        }
        if case .up = plugin, let rings, rings.fullest > 0.5 {
            problems.append(
                "a ring is \(Int(rings.fullest * 100)) % full, and what does not fit is dropped: "
                    + "if nothing else here explains it, raise QPC_METRICS_PLUGIN_RING_SIZE"
            )
        }
        if case .up = plugin, let cap = settings?.maxLogBytes, snapshot.logBytes / 9 > cap / 8,
            flushTrouble == 0
        {
            problems.append(
                "the log has \(snapshot.logBytes >> 20) MiB, over its cap of \(cap >> 20) MiB: "
                    + "if that lasts for more than a minute, see the server's standard error"
            )
        }
        // Earlier than anything else says so: standard error does from `held` on, the alert from 48 MiB.
        if case .up(let pid) = plugin, snapshot.walBytes > WALLimits.kept,
            let reader = source.readingProcess(otherThan: pid)
        {
            problems.append(
                "process \(reader) keeps a transaction open on the log, and the WAL has grown to \(snapshot.walBytes >> 20) MiB: "
                    + "end it, or events will wait and then be dropped"
            )
        }
        if case .up = plugin, flushTrouble != 0 {
            let cure =
                switch flushTrouble & 0xFF {
                case 13: "the disk is full, make room"
                case 5, 6: "somebody holds the log's lock, end them"
                case 8, 10, 14: "the log cannot be written, look at the disk and the files' owner"
                case 11, 26: "the log is damaged: it is quarantined and a new one begun, see the server's standard error"
                default: "see the server's standard error"
                }
            problems.append("events cannot be written into the log (SQLite code \(flushTrouble)): \(cure)")
        }
    }
}

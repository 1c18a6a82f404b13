import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// What the plugin's thread does for the log between flushes: sync, checkpoint, gauges, the heartbeat.
public final class Checkpointer {
    /// Pages in the WAL at which it is checkpointed into the log: 8 MiB.
    public static let usualPages = 2048
    /// A frame of the WAL: a page and its header.
    private static let frameBytes = 4096 + 24

    private let map: LiveMap
    private let syncIntervalNanoseconds: UInt64
    private let capBytes: Int
    private let checkpointPages: Int
    private let log: PluginLogger
    private let logPath: String
    private var isHeld = false
    /// Since when commits may not be on the disk, by the monotonic clock; nil if all are.
    private var unsyncedSince: UInt64?
    private var heartbeat = DrainTimer(every: 200_000_000)
    private var sizes = DrainTimer(every: 1_000_000_000)
    private var surveys = DrainTimer(every: 10_000_000_000)
    /// While the log's oldest event is not known: a log that has just begun is not empty for long.
    private var firsts = DrainTimer(every: 1_000_000_000)
    private var isSurveyDue = true

    init(map: LiveMap, path: String, settings: Settings, pages: Int, log: PluginLogger) {
        self.map = map
        checkpointPages = pages
        self.log = log
        syncIntervalNanoseconds = settings.syncIntervalNanoseconds
        capBytes = WALLimits.cap(maxLogBytes: settings.maxLogBytes)
        logPath = path
    }

    /// - Parameter now: monotonic, as wherever it is a plain number.
    func didCommit(_ now: UInt64) {
        if unsyncedSince == nil { unsyncedSince = now }
        isSurveyDue = true
    }

    /// The next log has nothing to do with what was not synced in this one.
    func logClosed() { unsyncedSince = nil }

    func recordHeartbeat(_ now: DrainMoment) { map.set(QPCM_HEADER_HEARTBEAT, UInt64(clamping: now.wall) &* 1000) }

    func syncIfDue(_ writer: EventLogWriter, _ now: UInt64) throws(LogError) {
        guard syncIntervalNanoseconds != 0, let since = unsyncedSince, now &- since >= syncIntervalNanoseconds else { return }
        try sync(writer, now)
    }

    /// Makes every commit so far safe from a power cut.
    func sync(_ writer: EventLogWriter, _ now: UInt64) throws(LogError) {
        // A failed sync is retried after another interval.
        if unsyncedSince != nil { unsyncedSince = now }
        try writer.sync()
        unsyncedSince = nil
    }

    /// Heartbeat and sizes, which need no log.
    func showSignsOfLife(_ now: DrainMoment) {
        if heartbeat.isDue(now.monotonic) { recordHeartbeat(now) }
        if sizes.isDue(now.monotonic) { setSizes() }
    }

    // MARK: The WAL

    private static func walBytes(_ writer: EventLogWriter) -> Int { writer.pagesInWAL * frameBytes }

    func isDue(_ writer: EventLogWriter) -> Bool { writer.pagesInWAL >= checkpointPages }

    /// - Throws: `LogError` for a damaged log. Other failures show up again in the next commit, or as a file that grows.
    func checkpointIfDue(_ writer: EventLogWriter) throws(LogError) {
        guard isDue(writer) else { return }
        do {
            try writer.checkpoint(truncating: false)
        } catch {
            if error.cause == .corrupt { throw error }
        }
        let walBytes = Self.walBytes(writer)
        if !isHeld, walBytes >= WALLimits.held(cap: capBytes) {
            isHeld = true
            log.warning(
                "a reader keeps a transaction open on \(logPath), so its WAL cannot be emptied and has grown to "
                    + "\(walBytes >> 20) MiB; qpc-metrics status names the reader; at "
                    + "\(capBytes >> 20) MiB events wait in memory and then drop")
        }
        if isHeld, writer.pagesInWAL == 0 {
            isHeld = false
            // A file that large must not stay until the next commit.
            try? writer.checkpoint(truncating: true)
            log.info("the WAL of \(logPath) could be emptied again")
        }
    }

    /// The WAL never grows beyond its cap by more than one transaction.
    ///
    /// - Throws: `LogError` while it is at the cap; events then wait in the rings.
    func expectRoom(_ writer: EventLogWriter) throws(LogError) {
        guard Self.walBytes(writer) >= capBytes else { return }
        try checkpointIfDue(writer)
        guard Self.walBytes(writer) >= capBytes else { return }
        throw LogError(
            operation: "write to", path: logPath, code: Self.busy,
            detail: "a reader keeps a transaction open, and the WAL has reached its cap of \(capBytes >> 20) MiB; "
                + "end the reader, which qpc-metrics status names")
    }

    /// SQLITE_BUSY.
    private static let busy: Int32 = 5

    private func setSizes() {
        map.set(QPCM_HEADER_LOG_BYTES, Self.size(of: logPath))
        map.set(QPCM_HEADER_WAL_BYTES, Self.size(of: logPath + "-wal"))
    }

    private static func size(of path: String) -> UInt64 {
        var status = stat()
        return qpcm_lstat(path, &status) == 0 ? UInt64(clamping: status.st_size) : 0
    }

    /// Shows what only the log can tell, if that may have changed and it is due.
    func survey(_ drainer: Drainer, _ now: DrainMoment) {
        guard isSurveyDue else { return }
        if surveys.isDue(now.monotonic) {
            isSurveyDue = false
            show(drainer, nowMicroseconds: now.wall)
        } else if map.word(QPCM_HEADER_OLDEST_EVENT) == 0, drainer.writer.keepsRows, firsts.isDue(now.monotonic) {
            showOldest(drainer)
        }
    }

    /// After events were removed on request: whoever asked looks at once.
    func didRemove(_ drainer: Drainer, _ now: DrainMoment) {
        show(drainer, nowMicroseconds: now.wall)
        drainer.showPeople(nowMicroseconds: now.wall)
        setSizes()
    }

    private func show(_ drainer: Drainer, nowMicroseconds now: Int64) {
        if let active = try? drainer.activeUsers(nowMicroseconds: now) {
            map.set(QPCM_HEADER_ACTIVE_USERS, active.0)
            map.set(QPCM_HEADER_ACTIVE_USERS + 8, active.1)
            map.set(QPCM_HEADER_ACTIVE_USERS + 16, active.2)
        }
        showOldest(drainer)
    }

    private func showOldest(_ drainer: Drainer) {
        let oldest = (try? drainer.writer.oldestEvent()) ?? nil
        map.set(QPCM_HEADER_OLDEST_EVENT, UInt64(clamping: oldest ?? 0))
    }

    /// The final steps: empties the WAL into the log, and sets the gauges as they will stay.
    func close(_ drainer: Drainer?, _ now: DrainMoment) {
        try? drainer?.writer.checkpoint(truncating: true)
        setSizes()
        if let drainer { show(drainer, nowMicroseconds: now.wall) }
        recordHeartbeat(now)
    }
}

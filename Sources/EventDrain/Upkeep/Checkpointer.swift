import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// What the plugin's thread does for the log between flushes: sync, checkpoint, gauges, the heartbeat.
final class Checkpointer {
    /// Pages in the write-ahead file at which it is moved into the log: 8 MiB.
    static let checkpointPages = 2048
    /// A frame of the write-ahead file: a page and its header.
    private static let frameBytes = 4096 + 24
    private static let heartbeatIntervalNanoseconds: UInt64 = 200_000_000
    private static let gaugeNanoseconds: UInt64 = 1_000_000_000
    private static let surveyNanoseconds: UInt64 = 10_000_000_000

    private let map: LiveMap
    /// Nil while the log is changed for another.
    var writer: EventLogWriter? { didSet { unsyncedSince = 0 } }
    private let syncIntervalNanoseconds: UInt64
    private let capBytes: Int
    private let log: PluginLogger
    private var isHeld = false
    private let logPath: String
    private var unsyncedSince: UInt64 = 0
    private var lastHeartbeat: UInt64 = 0
    private var lastGauges: UInt64 = 0
    private var lastSurvey: UInt64 = 0
    private var isSurveyDue = true

    init(map: LiveMap, writer: EventLogWriter, settings: Settings, log: PluginLogger) {
        self.map = map
        self.writer = writer
        self.log = log
        syncIntervalNanoseconds = settings.syncIntervalNanoseconds
        capBytes = WALLimits.cap(maxLogBytes: settings.maxLogBytes)
        logPath = writer.path
    }

    func didCommit() {
        if unsyncedSince == 0 { unsyncedSince = TickClock.monotonicNanoseconds() }
        isSurveyDue = true
    }

    func recordHeartbeat() { map.set(QPCM_HEADER_HEARTBEAT, TickClock.realtimeNanoseconds()) }

    func syncIfDue() throws(LogError) {
        let now = TickClock.monotonicNanoseconds()
        guard syncIntervalNanoseconds != 0, unsyncedSince != 0, now &- unsyncedSince >= syncIntervalNanoseconds else {
            return
        }
        try sync()
    }

    /// Makes every commit so far safe from a power cut.
    func sync() throws(LogError) {
        if unsyncedSince != 0 { unsyncedSince = TickClock.monotonicNanoseconds() }
        try writer?.sync()
        unsyncedSince = 0
    }

    /// - Throws: `LogError` for a log that is damaged.
    func run() throws(LogError) {
        let now = TickClock.monotonicNanoseconds()
        if now &- lastHeartbeat >= Self.heartbeatIntervalNanoseconds {
            lastHeartbeat = now
            recordHeartbeat()
        }
        if now &- lastGauges >= Self.gaugeNanoseconds {
            lastGauges = now
            setSizes()
        }
        try checkpointIfDue()
        if lastSurvey == 0 || (isSurveyDue && now &- lastSurvey >= Self.surveyNanoseconds) {
            lastSurvey = now
            isSurveyDue = false
            survey()
        }
    }

    // MARK: The write-ahead file

    private var writeAheadBytes: Int { (writer?.pagesInWAL ?? 0) * Self.frameBytes }

    /// - Throws: `LogError` for a damaged log. Other failures show again in the next commit, or as a file that grows.
    func checkpointIfDue() throws(LogError) {
        guard let writer, writer.pagesInWAL >= Self.checkpointPages else { return }
        do {
            try writer.checkpoint(truncating: false)
        } catch {
            if error.cause == .corrupt { throw error }
        }
        if !isHeld, writeAheadBytes >= WALLimits.held(cap: capBytes) {
            isHeld = true
            log.warning(
                "a reader has kept a transaction open on \(logPath), so that its write-ahead file cannot be "
                    + "emptied and has grown to \(writeAheadBytes >> 20) MiB; qpc-metrics status names it; at "
                    + "\(capBytes >> 20) MiB events wait in memory and then drop")
        }
        if isHeld, writer.pagesInWAL == 0 {
            isHeld = false
            // A file as large as that is not to stay until the next commit.
            try? writer.checkpoint(truncating: true)
            log.info("the write-ahead file of \(logPath) could be emptied again")
        }
    }

    /// The write-ahead file never grows beyond its cap, by more than one transaction.
    ///
    /// - Throws: `LogError` while it is at the cap; what waits then waits in the rings.
    func expectRoom() throws(LogError) {
        guard writeAheadBytes >= capBytes else { return }
        try checkpointIfDue()
        guard writeAheadBytes >= capBytes else { return }
        throw LogError(
            operation: "write to", path: logPath, code: Self.busy,
            detail: "a reader keeps a transaction open, and the write-ahead file has come to its cap of \(capBytes >> 20) MiB; "
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

    /// What only the log can tell.
    private func survey() {
        let now = Int64(TickClock.realtimeNanoseconds() / 1000)
        guard let writer else { return }
        if let active = try? writer.activeUsers(nowMicroseconds: now) {
            map.set(QPCM_HEADER_ACTIVE_USERS, active.0)
            map.set(QPCM_HEADER_ACTIVE_USERS + 8, active.1)
            map.set(QPCM_HEADER_ACTIVE_USERS + 16, active.2)
        }
        if let oldest = try? writer.oldestEvent() {
            map.set(QPCM_HEADER_OLDEST_EVENT, UInt64(clamping: oldest))
        } else {
            map.set(QPCM_HEADER_OLDEST_EVENT, 0)
        }
    }

    /// The last of it: the write-ahead file emptied into the log, the gauges as they will stay.
    func close() {
        try? writer?.checkpoint(truncating: true)
        setSizes()
        survey()
        recordHeartbeat()
    }
}

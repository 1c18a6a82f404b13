import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// What the plugin's thread does for the log between flushes: sync, checkpoint, gauges, the heartbeat.
final class LogUpkeep {
    /// Pages in the write-ahead file at which it is moved into the log: 8 MiB.
    static let checkpointPages = 2048
    private static let beatNanoseconds: UInt64 = 200_000_000
    private static let gaugeNanoseconds: UInt64 = 1_000_000_000
    private static let surveyNanoseconds: UInt64 = 10_000_000_000

    private let map: LiveMap
    private let writer: EventLogWriter
    private let syncIntervalNanoseconds: UInt64
    private let logPath: String
    private var unsyncedSince: UInt64 = 0
    private var lastBeat: UInt64 = 0
    private var lastGauges: UInt64 = 0
    private var lastSurvey: UInt64 = 0
    private var isSurveyDue = true

    init(map: LiveMap, writer: EventLogWriter, syncIntervalNanoseconds: UInt64) {
        self.map = map
        self.writer = writer
        self.syncIntervalNanoseconds = syncIntervalNanoseconds
        logPath = writer.path
    }

    func didCommit() {
        if unsyncedSince == 0 { unsyncedSince = TickClock.monotonicNanoseconds() }
        isSurveyDue = true
    }

    func didSync() { unsyncedSince = 0 }

    func beat() { map.set(QPCM_HEADER_HEARTBEAT, TickClock.realtimeNanoseconds()) }

    func run() {
        let now = TickClock.monotonicNanoseconds()
        checkpointIfDue()
        if syncIntervalNanoseconds != 0, unsyncedSince != 0, now &- unsyncedSince >= syncIntervalNanoseconds {
            // A failure shows again in the next commit or checkpoint.
            if (try? writer.sync()) != nil { unsyncedSince = 0 } else { unsyncedSince = now }
        }
        if now &- lastBeat >= Self.beatNanoseconds {
            lastBeat = now
            beat()
        }
        if now &- lastGauges >= Self.gaugeNanoseconds {
            lastGauges = now
            setSizes()
        }
        if lastSurvey == 0 || (isSurveyDue && now &- lastSurvey >= Self.surveyNanoseconds) {
            lastSurvey = now
            isSurveyDue = false
            survey()
        }
    }

    func checkpointIfDue() {
        guard writer.pagesInWAL >= Self.checkpointPages else { return }
        try? writer.checkpoint(truncating: false)
    }

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
        try? writer.checkpoint(truncating: true)
        setSizes()
        survey()
        beat()
    }
}

import CMachine
import CMetricsLayout
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Readings

/// Reads what the exposition needs: from the live file if there is one, whether or not its server is running, and otherwise from
/// the log.
public enum SnapshotReader {
    /// - Throws: `DataSourceError`, `.nothingThere` if the plugin never ran in that directory.
    public static func read(_ source: DataSource) throws(DataSourceError) -> MetricsSnapshot {
        if let live = try live(source) { return snapshot(of: live, orLogIn: source) }
        return try snapshot(of: source.requiredLog())
    }

    /// The live file with all of its thread slots; nil if there is none.
    static func live(_ source: DataSource) throws(DataSourceError) -> LiveFileReader? {
        var live = try source.live()
        // Threads may have been added since the file was opened.
        for _ in 0..<3 where live?.hasGrown == true { live = try source.live() ?? live }
        return live
    }

    /// The contents of an open live file; if its server is not running, with gauges from the log.
    public static func snapshot(of live: LiveFileReader, orLogIn source: DataSource) -> MetricsSnapshot {
        var snapshot = snapshot(of: live, in: source)
        guard !snapshot.plugin.isUp else { return snapshot }
        snapshot.logBytes = size(source.logPath)
        snapshot.walBytes = size(source.logPath + "-wal")
        let found: EventLogReader?
        // A log that cannot be read now leaves what the live file said last.
        do { found = try source.log() } catch { return snapshot }
        guard let log = found else {
            snapshot.oldestEventMicroseconds = nil
            (snapshot.recipientsWaiting, snapshot.oldestWaitMicroseconds) = (0, 0)
            return snapshot
        }
        let now = Int64(TickClock.realtimeNanoseconds() / 1000)
        // The last gauges of a plugin that was shut down stay valid for ten minutes, the resolution at which activity is
        // recorded; querying the log costs a scan of every name.
        let age = now - Int64(clamping: live.heartbeatNanoseconds / 1000)
        let isFresh = snapshot.plugin == .stopped && snapshot.recoveredMicroseconds == 0 && age >= 0 && age < 600 * 1_000_000
        if !isFresh, let active = try? log.activeUsers(nowMicroseconds: now) { snapshot.activeUsers = active }
        snapshot.takeGauges(of: log, now: now, settings: live.header.settings)
        return snapshot
    }

    /// Time elapsed since a time (UTC, microseconds); 0 if that is 0 or in the future.
    fileprivate static func age(of microseconds: UInt64) -> UInt64 {
        let now = TickClock.realtimeNanoseconds() / 1000
        return microseconds > 0 && now > microseconds ? now - microseconds : 0
    }

    private static func size(_ path: String) -> UInt64 {
        var status = stat()
        return qpcm_lstat(path, &status) == 0 ? UInt64(clamping: status.st_size) : 0
    }

    /// The contents of the open live file alone; never blocks.
    public static func snapshot(of live: LiveFileReader, in source: DataSource) -> MetricsSnapshot {
        var snapshot = MetricsSnapshot()
        snapshot.counters = live.map.totals(.both)
        snapshot.mismatch = live.mismatch
        snapshot.createdNanoseconds = live.header.createdNanoseconds
        snapshot.plugin = source.state(of: live)
        snapshot.version = live.header.version
        snapshot.identities = live.header.settings.identities
        snapshot.sealsKeys = live.header.settings.sealsKeys
        snapshot.keepsRows = live.header.settings.keepsRows
        snapshot.measuresMessages = live.header.settings.messageHook
        snapshot.startNanoseconds = live.header.startNanoseconds
        snapshot.logBytes = live.map.word(QPCM_HEADER_LOG_BYTES)
        snapshot.walBytes = live.map.word(QPCM_HEADER_WAL_BYTES)
        if snapshot.plugin.pid == nil {
            // Nobody has updated these words since; whoever recovered the events has made the log grow.
            snapshot.logBytes = size(source.logPath)
            snapshot.walBytes = size(source.logPath + "-wal")
        }
        snapshot.lastDropMicroseconds = live.map.word(QPCM_HEADER_LAST_DROP)
        snapshot.recoveredMicroseconds = live.map.word(QPCM_HEADER_RECOVERED)
        let oldest = live.map.word(QPCM_HEADER_OLDEST_EVENT)
        // An empty log has none; the word lags behind what was removed.
        let isEmpty = EventKind.allCases.allSatisfy { snapshot.inLog($0) == 0 }
        snapshot.oldestEventMicroseconds = oldest == 0 || isEmpty ? nil : Int64(clamping: oldest)
        snapshot.recipientsWaiting = live.map.word(QPCM_HEADER_RECIPIENTS_WAITING)
        snapshot.oldestWaitMicroseconds = age(of: live.map.word(QPCM_HEADER_OLDEST_WAITING))
        if snapshot.plugin.pid != nil {
            snapshot.failingUsers = (0..<2).map { live.map.word(QPCM_HEADER_FAILING_USERS + 8 * $0) }
        }
        snapshot.activeUsers = (0..<3).map { live.map.word(QPCM_HEADER_ACTIVE_USERS + 8 * $0) }
        return snapshot
    }

    /// The contents of the log, if there is no live file.
    public static func snapshot(of log: EventLogReader) throws(DataSourceError) -> MetricsSnapshot {
        do {
            var snapshot = MetricsSnapshot()
            snapshot.logBytes = size(log.database.path)
            snapshot.walBytes = size(log.database.path + "-wal")
            let state = try StoredState.read(log.database)
            for index in 0..<CounterIndex.words {
                snapshot.counters[index] = state.ringed[index] &+ state.direct[index]
            }
            snapshot.createdNanoseconds = state.createdNanoseconds
            snapshot.lastDropMicroseconds = UInt64(state.lastDropMicroseconds)
            snapshot.mismatch = try log.accountProblem()
            snapshot.version = Version.current
            let now = Int64(TickClock.realtimeNanoseconds() / 1000)
            snapshot.activeUsers = try log.activeUsers(nowMicroseconds: now)
            snapshot.takeGauges(of: log, now: now, settings: nil)
            return snapshot
        } catch {
            throw .log(error)
        }
    }
}

extension MetricsSnapshot {
    /// Gauges that nobody keeps up to date once the server has ended. Each that the log cannot tell stays as it is.
    ///
    /// - Parameter settings: the server's; nil if they are not known.
    fileprivate mutating func takeGauges(of log: EventLogReader, now: Int64, settings: Settings?) {
        do { oldestEventMicroseconds = try log.oldestEvent() } catch {}
        let hasUsers = settings.map { $0.keepsRows && $0.identities != .none } ?? true
        failingUsers = hasUsers ? (try? log.failingUsers(nowMicroseconds: now)) ?? [] : []
        // Who waits is in the log where rows name recipients.
        guard settings.map({ $0.keepsRows && $0.pairs && $0.identities != .none }) ?? true, let waiting = try? log.waiting()
        else {
            return
        }
        recipientsWaiting = UInt64(waiting.count)
        oldestWaitMicroseconds = SnapshotReader.age(of: UInt64(clamping: waiting.map(\.sinceMicroseconds).min() ?? 0))
    }
}

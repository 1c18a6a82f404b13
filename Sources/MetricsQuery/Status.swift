import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel
import Readings

/// Whether the plugin is well, and if not, what is wrong. The wording and the remedies are up to the caller.
public struct Status: Sendable {
    public enum Problem: Sendable {
        case neverRan
        /// The live file outside of the data directory is gone, or not this directory's: where it was.
        case liveGone(path: String)
        case stuck(pid: Int32)
        case shutDown
        /// The server died and its events were recovered into the log: when, UTC microseconds.
        case recovered(Int64)
        case died(pending: UInt64, keepsRows: Bool)
        /// The fill level of the fullest ring, in percent.
        case ringFilling(percent: Int)
        case logOverLimit(bytes: UInt64, limit: UInt64)
        /// A process keeps a transaction open on the log, so the WAL grows.
        case walHeld(reader: Int32, bytes: UInt64)
        /// Flushes fail with this extended SQLite code.
        case flushFailing(cause: FlushErrorCause, code: Int32)
        case lagging(nanoseconds: UInt64)
        /// Events were dropped within the last hour: how many, when last, UTC microseconds, and how many more at times that are
        /// not known.
        case dropped(DropTotals, last: Int64, more: UInt64)
        /// A file does not match its checksum, in words.
        case mismatch(String)
    }

    public var snapshot: MetricsSnapshot
    /// Whether records take their times from the tick counter; nil if the plugin never ran.
    public var readsTickCounter: Bool?
    /// The extended SQLite code that flushes currently fail with; 0 if they succeed.
    public var flushTrouble: Int32 = 0
    /// What waits in the rings; nil if the plugin never ran.
    public var rings: RingSurvey?
    /// How long the oldest event has waited for the log; 0 if none waits.
    public var lagNanoseconds: UInt64 = 0
    /// Where the live file is, if not in the data directory.
    public var livePath: String?
    /// The settings of the plugin's last run; nil if it never ran.
    public var settings: Settings?
    /// Empty if nothing is wrong.
    public var problems: [Problem] = []

    /// How far back the log reaches, or will at the present rate, if its size limit decides that and not the retention; otherwise
    /// nil. A log of a few pages says nothing yet.
    public var sizeReachNanoseconds: UInt64? {
        guard let settings, let limit = settings.maxLogBytes, let oldest = snapshot.oldestEventMicroseconds else { return nil }
        let now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        let age = Double(max(0, now - oldest)) * 1000
        guard age > 0, snapshot.logBytes >= 1 << 19 else { return nil }
        let isFull = snapshot.counters[CounterIndex.removedForSize] > 0 && snapshot.logBytes / 8 >= limit / 10
        let reach = isFull ? age : age * max(1, Double(limit) / Double(snapshot.logBytes))
        if let retention = settings.retentionNanoseconds, reach >= Double(retention) { return nil }
        return UInt64(min(reach, 9e18))
    }

    public static func read(_ source: DataSource) throws(DataSourceError) -> Status {
        guard let live = try SnapshotReader.live(source) else {
            var status = Status(snapshot: try SnapshotReader.snapshot(of: source.requiredLog()))
            let place = source.livePlace
            status.problems =
                status.recentDrops(source) + [place.isElsewhere ? .liveGone(path: place.path) : .neverRan]
            return status
        }
        var status = Status(snapshot: SnapshotReader.snapshot(of: live, orLogIn: source))
        status.readsTickCounter = live.header.clock == UInt64(QPCM_CLOCK_TSC)
        status.flushTrouble = Int32(truncatingIfNeeded: live.map.word(QPCM_HEADER_LOG_TROUBLE))
        let rings = RingSurvey.read(live)
        status.lagNanoseconds = rings.lagNanoseconds(now: TickClock.realtimeNanoseconds())
        status.rings = rings
        status.settings = live.header.settings
        if source.livePlace.isElsewhere { status.livePath = live.path }
        status.problems = status.findProblems(live, source)
        return status
    }

    private func findProblems(_ live: LiveFileReader, _ source: DataSource) -> [Problem] {
        let ofState: [Problem] =
            switch snapshot.plugin {
            case .up(let pid): problemsWhileUp(pid, live.header.settings, source)
            case .stuck(let pid): [.stuck(pid: pid)]
            case .stopped where snapshot.recoveredMicroseconds > 0:
                [.recovered(Int64(clamping: snapshot.recoveredMicroseconds))]
            case .stopped: [.shutDown]
            case .died: [.died(pending: snapshot.pending, keepsRows: snapshot.keepsRows)]
            case .neverRan: [.neverRan]
            }
        return recentDrops(source) + (snapshot.mismatch.map { [.mismatch($0)] } ?? []) + ofState
    }

    private static let hourMicroseconds: Int64 = 3_600_000_000

    private func recentDrops(_ source: DataSource) -> [Problem] {
        let counted = DropTotals(snapshot.counters)
        let last = Int64(clamping: snapshot.lastDropMicroseconds)
        let now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        // The plugin notices a drop within half a second; a log of an older version may not know when there was one.
        guard counted.sum > 0, last == 0 || now - last < Self.hourMicroseconds else { return [] }
        // Counters that began within the hour know it without a list.
        if let created = snapshot.createdNanoseconds, now - Int64(clamping: created / 1000) < Self.hourMicroseconds {
            return [.dropped(counted, last: last > 0 ? last : now, more: 0)]
        }
        var drops = DropTotals()
        var more: UInt64 = 0
        var lastMinute: Int64 = 0
        if let log = try? source.log(),
            let account = try? DropAccount.read(log, source, since: now - Self.hourMicroseconds, until: .max)
        {
            for minute in account.minutes { drops.add(minute.drops) }
            for span in account.possible { more &+= span.drops.sum }
            lastMinute = account.minutes.last.map { min(now, ($0.minute + 1) * 60_000_000) } ?? 0
        }
        guard last > 0 || drops.sum > 0 else { return [] }
        return [.dropped(drops, last: last > 0 ? last : lastMinute, more: more)]
    }

    private func problemsWhileUp(_ pid: Int32, _ settings: Settings, _ source: DataSource) -> [Problem] {
        var problems: [Problem] = []
        if let rings, rings.fullest > 0.5 { problems.append(.ringFilling(percent: Int(rings.fullest * 100))) }
        if let limit = settings.maxLogBytes, snapshot.logBytes / 9 > limit / 8, flushTrouble == 0 {
            problems.append(.logOverLimit(bytes: snapshot.logBytes, limit: limit))
        }
        // No other warning comes earlier: standard error reports it from `held` on, the alert from 48 MiB.
        if snapshot.walBytes > WALLimits.kept, let reader = source.readingProcess(otherThan: pid) {
            problems.append(.walHeld(reader: reader, bytes: snapshot.walBytes))
        }
        if flushTrouble != 0 {
            problems.append(.flushFailing(cause: LogError.cause(ofCode: flushTrouble), code: flushTrouble))
        }
        if lagNanoseconds > Backlog.lagLimit(settings), flushTrouble == 0 {
            problems.append(.lagging(nanoseconds: lagNanoseconds))
        }
        return problems
    }
}

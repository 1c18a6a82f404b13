import CMetricsLayout
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel

/// What was dropped in a window, from the log's list and from the counters of the live file, which are ahead of it while the log
/// cannot be written, and before a dead server's events are recovered.
public struct DropAccount: Sendable {
    /// Dropped in the window, by minute, oldest first. Drops of an unknown minute that all lie in the window are in the last one
    /// possible.
    public var minutes: [DropMinute] = []
    /// Drops of which some or all may lie in the window.
    public var possible: [DropSpan] = []

    public init(minutes: [DropMinute] = []) { self.minutes = minutes }

    /// - Parameter since: UTC, microseconds, like `until`.
    public static func read(
        _ log: EventLogReader, _ source: DataSource, since: Int64, until: Int64
    ) throws(LogError) -> DropAccount {
        // The counters after the list: what they are ahead by is not in it.
        let record = try log.dropRecord(since: since, until: until)
        var account = DropAccount(minutes: record.minutes)
        var spans = record.spans
        if let unlisted = unlisted(record.totals, source), unlisted.until >= since, unlisted.since < until {
            spans.append(unlisted)
        }
        for span in spans where !account.counts(span, since: since, until: until) { account.possible.append(span) }
        return account
    }

    /// Whether a span's drops are among the window's minutes, or belong there.
    private mutating func counts(_ span: DropSpan, since: Int64, until: Int64) -> Bool {
        let unit: Int64 = 60_000_000
        let first = since.floored(to: unit)
        // A minute that lies partly in the window counts as a whole.
        let end = until % unit == 0 ? until.floored(to: unit) : until.floored(to: unit) &+ 1
        let found = span.found.floored(to: unit)
        if span.isListed { return found >= first && found < end }
        guard span.since.floored(to: unit) >= first, span.until.floored(to: unit) < end else { return false }
        let minute = span.until.floored(to: unit)
        if let index = minutes.firstIndex(where: { $0.minute >= minute }) {
            if minutes[index].minute == minute {
                minutes[index].drops.add(span.drops)
            } else {
                minutes.insert(DropMinute(minute: minute, drops: span.drops), at: index)
            }
        } else {
            minutes.append(DropMinute(minute: minute, drops: span.drops))
        }
        return true
    }

    /// How long a drop can go unnoticed by the plugin's thread: half a second, and a turn of its loop.
    private static let noticeMicroseconds: Int64 = 1_000_000

    /// What the live file counts beyond the log; nil for nothing.
    private static func unlisted(_ logged: DropTotals, _ source: DataSource) -> DropSpan? {
        guard let live = try? SnapshotReader.live(source) else { return nil }
        let drops = live.map.dropTotals(.both).growth(since: logged)
        guard drops.sum > 0 else { return nil }
        let now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        let isUp = source.state(of: live).pid != nil
        let heartbeat = Int64(clamping: live.heartbeatNanoseconds / 1000)
        let end = isUp || heartbeat == 0 ? now : min(now, heartbeat)
        let first = Int64(clamping: live.map.word(QPCM_HEADER_FIRST_DROP))
        let last = Int64(clamping: live.map.word(QPCM_HEADER_LAST_DROP))
        // Not noticed yet: they are of the last moment.
        let since = (first > 0 ? first : end) - noticeMicroseconds
        return DropSpan(
            found: end, since: since, until: max(since, first > 0 ? min(last, end) : end), drops: drops, isListed: false)
    }
}

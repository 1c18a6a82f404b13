import CMetricsLayout
import MetricsMemory
import MetricsModel
import Readings

/// Events that an answer from the log lacks: those of a dead server, and those of a server that cannot write its log. What waits
/// for the next flush is none.
public struct Backlog: Sendable {
    public var events: UInt64
    /// When the oldest of them happened: UTC, microseconds; nil if unknown.
    public var oldestMicroseconds: Int64?
    /// Whether the server died.
    public var isOfDeadServer: Bool

    /// - Returns: nil if there are none.
    public static func read(_ live: LiveFileReader, _ source: DataSource) -> Backlog? {
        let state = source.state(of: live)
        guard state == .died || state.pid != nil else { return nil }
        let rings = RingSurvey.read(live)
        if state.isUp, live.map.word(QPCM_HEADER_LOG_TROUBLE) == 0 {
            let lag = rings.lagNanoseconds(now: TickClock.realtimeNanoseconds())
            guard lag > lagLimit(live.header.settings) else { return nil }
        }
        let events = SnapshotReader.snapshot(of: live, in: source).pending
        guard events > 0, Int64(bitPattern: events) > 0 else { return nil }
        return Backlog(
            events: events, oldestMicroseconds: rings.oldestNanoseconds.map { Int64(clamping: $0 / 1000) },
            isOfDeadServer: state == .died)
    }

    /// An event may have to wait for one flush, and on a busy machine for a few.
    static func lagLimit(_ settings: Settings) -> UInt64 {
        max(2_000_000_000, 4 * min(settings.flushIntervalNanoseconds, 3_600_000_000_000))
    }
}

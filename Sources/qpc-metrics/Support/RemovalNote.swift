import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// Reports on standard error that events of a window were removed from the log, so that nobody takes what is left for what
/// happened.
struct RemovalNote {
    private let oldest: Int64
    private let state: StoredState
    private let settings: Settings?
    private let now: Int64
    private let kinds: [EventKind]

    /// - Parameter since: UTC, microseconds; nil asks for what the log has, which lacks nothing.
    /// - Parameter kinds: the kinds that were asked for.
    static func say(_ log: EventLogReader, _ source: DataSource, since: Int64?, kinds: [EventKind]) {
        guard let since, let note = RemovalNote(log, source, kinds) else { return }
        if let text = note.removed(since) { Notice.say("note: \(text)") }
        if let text = note.erased(since) { Notice.say("note: \(text)") }
    }

    /// Nil if that cannot be read, or the log is kept empty on purpose.
    private init?(_ log: EventLogReader, _ source: DataSource, _ kinds: [EventKind]) {
        settings = (try? source.live())?.header.settings
        now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        self.kinds = kinds
        guard settings?.keepsRows != false, let state = try? StoredState.read(log.database) else { return nil }
        self.state = state
        do { oldest = try log.oldestEvent() ?? now } catch { return nil }
    }

    private func count(_ cause: RemovalCause, _ kinds: [EventKind]) -> UInt64 {
        kinds.reduce(0) { $0 &+ state.ringed[CounterIndex.removed($1, cause)] }
    }

    /// By age or size: the log then begins later than the window.
    private func removed(_ since: Int64) -> String? {
        let events = count(.retention, kinds)
        guard since < oldest, events > 0 else { return nil }
        let created = state.createdNanoseconds.map { Int64(clamping: $0 / 1000) }
        // If the window reaches back to where counting began, it had all that was removed.
        if let created, since <= created {
            return "\(Quantity.count(events, "event")) of this window \(events == 1 ? "was" : "were") removed by \(cause)"
        }
        return "the log begins at \(second(oldest)): what was older was removed by \(cause)"
    }

    private var cause: String {
        let all = count(.retention, EventKind.allCases)
        let forSize = state.ringed[CounterIndex.removedForSize]
        let size = "MAX_SIZE" + (settings?.maxLogBytes.map { "=\(Settings.size($0))" } ?? "")
        if forSize >= all { return size }
        let age = "RETENTION" + (settings?.retentionNanoseconds.map { "=\(Settings.time($0))" } ?? "")
        return forSize > 0 ? "\(size), \(age) or prune" : "\(age) or prune"
    }

    /// Of a person: somewhere in the time before.
    private func erased(_ since: Int64) -> String? {
        let events = count(.forget, kinds)
        guard events > 0, since < state.erasedMicroseconds else { return nil }
        // By now they would have left the log anyway.
        if let retention = settings?.retentionNanoseconds,
            state.erasedMicroseconds < now - Int64(clamping: retention / 1000)
        {
            return nil
        }
        return "up to \(Quantity.count(events, "event")) of this window \(events == 1 ? "was" : "were") removed by forget"
    }

    private func second(_ microseconds: Int64) -> String { String(LocalTime.text(microseconds, zone: .local).prefix(19)) }
}

import EventLog
import EventSearch
import Exporter
import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// Reports on standard error that events of a window were dropped, so that the reader of an answer knows what it lacks.
enum DropNote {
    /// - Parameter since: UTC, microseconds, like `until`; nil for no bound.
    /// - Parameter kinds: the kinds that were asked for; empty for all.
    static func say(_ log: EventLogReader, _ source: DataSource, since: Int64?, until: Int64?, kinds: [EventKind] = []) {
        // If the log cannot tell when, the answer stands without this note.
        guard let account = try? DropAccount.read(log, source, since: since ?? 0, until: until ?? .max) else { return }
        if let text = text(account.minutes, kinds) { Notice.say(text) }
        say(account.possible, kinds: kinds)
    }

    /// Reports drops of which it is not known whether the window has them.
    static func say(_ possible: [DropSpan], kinds: [EventKind] = []) {
        for span in possible {
            if let text = text(span, kinds) { Notice.say(text) }
        }
    }

    private static func text(_ minutes: [DropMinute], _ kinds: [EventKind]) -> String? {
        var drops = DropTotals()
        var first: Int64?
        var last: Int64 = 0
        for minute in minutes {
            let part = Self.part(of: minute.drops, kinds)
            guard part.sum > 0 else { continue }
            drops.add(part)
            first = first ?? minute.minute
            last = minute.minute
        }
        guard let first else { return nil }
        // The end of the last minute, so that even a single minute is a range: "between 14:02 and 14:03".
        let from = LocalTime.text(first * 60_000_000, zone: .local).prefix(16)
        let to = LocalTime.text((last + 1) * 60_000_000, zone: .local).prefix(16)
        let verbs = drops.sum == 1 ? "was dropped and is" : "were dropped and are"
        let end = from.prefix(10) == to.prefix(10) ? to.dropFirst(11) : to
        return "note: \(Quantity.count(drops.sum, "event")) in this window \(verbs) missing here: \(ProblemText.causes(drops)), "
            + "between \(from) and \(end)"
    }

    private static func text(_ span: DropSpan, _ kinds: [EventKind]) -> String? {
        let drops = part(of: span.drops, kinds)
        guard drops.sum > 0 else { return nil }
        let events = "note: up to \(Quantity.count(drops.sum, "event")) of this window "
        guard !span.isListed else {
            return events + "were lost with a log that was deleted, replaced or damaged, as was found at \(second(span.found))"
        }
        let when = span.since > 0 ? "between \(second(span.since)) and \(second(span.until))" : "before \(second(span.until))"
        return events + "were dropped, \(when): \(ProblemText.causes(drops))"
    }

    private static func part(of drops: DropTotals, _ kinds: [EventKind]) -> DropTotals {
        var part = drops
        for index in 0..<DropTotals.count where !kinds.isEmpty && !kinds.contains(DropTotals.kind(index)) {
            part.values[index] = 0
        }
        return part
    }

    private static func second(_ microseconds: Int64) -> String {
        String(LocalTime.text(microseconds, zone: .local).prefix(19))
    }
}

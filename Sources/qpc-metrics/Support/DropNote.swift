import EventSearch
import Exporter
import MetricsModel
import Readings
import Terminal

/// Reports on standard error that events of a window were dropped, so that the reader of an answer knows what it lacks.
enum DropNote {
    /// - Parameter since: UTC, microseconds, like `until`; nil for no bound.
    /// - Parameter kinds: the kinds that were asked for; empty for all.
    static func say(_ log: EventLogReader, since: Int64?, until: Int64?, kinds: [EventKind] = []) {
        // If the log cannot tell when, the answer stands without this note.
        guard let minutes = try? log.drops(since: since ?? 0, until: until ?? .max), let text = text(minutes, kinds) else {
            return
        }
        Notice.say(text)
    }

    private static func text(_ minutes: [DropMinute], _ kinds: [EventKind]) -> String? {
        var drops = DropTotals()
        var first: Int64?
        var last: Int64 = 0
        for minute in minutes {
            var part = minute.drops
            for index in 0..<DropTotals.count where !kinds.isEmpty && !kinds.contains(DropTotals.kind(index)) {
                part.values[index] = 0
            }
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

}

import EventSearch
import MetricsModel
import Readings
import Terminal

/// Why no group is shown.
struct EmptyCount {
    private let answer: CountAnswer
    private let filter: EventFilter
    private let options: CountOptions

    init(_ answer: CountAnswer, _ filter: EventFilter, _ options: CountOptions) {
        self.answer = answer
        self.filter = filter
        self.options = options
    }

    func reason(_ log: EventLogReader) -> String {
        if options.dropped { return "no event of this window was dropped" }
        if answer.groups > 0 {
            let conditions = options.having.joined(separator: " and ")
            let groups = Quantity.count(UInt64(answer.groups), "group")
            return "none of \(groups) has " + conditions
        }
        guard let oldest = try? log.oldestEvent(), let newest = try? log.newestEvent() else { return "the log has no events" }
        if let since = filter.sinceMicroseconds, since > newest {
            return "the newest event of the log is of \(Self.text(newest)), before --since \(Self.text(since))"
        }
        if let until = filter.untilMicroseconds, until <= oldest {
            return "the oldest event of the log is of \(Self.text(oldest)), not before --until \(Self.text(until))"
        }
        return "no event matches; the log has events from \(Self.text(oldest)) to \(Self.text(newest))"
    }

    private static func text(_ time: Int64) -> String { String(LocalTime.text(time, zone: .local).prefix(19)) }
}

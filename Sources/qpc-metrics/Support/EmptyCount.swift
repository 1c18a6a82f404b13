import EventSearch
import MetricsModel
import Readings
import Terminal

/// Why no group is shown, if the reason is not a lack of events: see `EmptyAnswer`.
struct EmptyCount {
    private let answer: CountAnswer
    private let isWithoutRecipients: Bool
    private let isLogOff: Bool
    private let mayHaveDrops: Bool
    private let options: CountOptions

    /// - Parameter isWithoutRecipients: whether the plugin omits the recipients of messages.
    /// - Parameter mayHaveDrops: whether events were dropped at times that are not known, and may lie in the window.
    init(_ answer: CountAnswer, _ options: CountOptions, mayHaveDrops: Bool, isWithoutRecipients: Bool, isLogOff: Bool) {
        self.isLogOff = isLogOff
        self.mayHaveDrops = mayHaveDrops
        self.isWithoutRecipients = isWithoutRecipients
        self.answer = answer
        self.options = options
    }

    private var waitingReason: String {
        if isLogOff { return "\(Settings.logIsOff); qpc_recipients_waiting counts whom messages wait for" }
        if isWithoutRecipients {
            return
                "with IDENTITIES=none or PAIRS=off the log does not record recipients; see qpc_recipients_waiting"
        }
        return "no messages are waiting to be fetched"
    }

    /// Nil if no event matches.
    var reason: String? {
        if options.waiting { return waitingReason }
        if options.dropped, isLogOff { return "\(Settings.logIsOff): qpc_plugin_events_dropped_total counts what was dropped" }
        if options.dropped, mayHaveDrops { return "no event is known to have been dropped in this window" }
        if options.dropped { return "no events were dropped in this window" }
        guard answer.groups > 0 else { return nil }
        return "none of \(Quantity.count(UInt64(answer.groups), "group")) has \(options.having.joined(separator: " and "))"
    }
}

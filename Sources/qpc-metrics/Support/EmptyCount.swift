import EventSearch
import Readings
import Terminal

/// Why no group is shown, where the events themselves are not the reason: see `EmptyAnswer`.
struct EmptyCount {
    private let answer: CountAnswer
    private let options: CountOptions

    init(_ answer: CountAnswer, _ options: CountOptions) {
        self.answer = answer
        self.options = options
    }

    /// Nil if no event matches.
    var reason: String? {
        if options.dropped { return "no event of this window was dropped" }
        guard answer.groups > 0 else { return nil }
        return "none of \(Quantity.count(UInt64(answer.groups), "group")) has \(options.having.joined(separator: " and "))"
    }
}

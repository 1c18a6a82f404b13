import EventLog
import MetricsModel
import Readings

/// The events that match a filter, oldest first unless reversed: those that are in the log at the start and have not left by the
/// time they are reached.
///
/// The transaction ends after each portion, so a slow reader does not pin an old snapshot of the log and its WAL can be emptied.
public struct EventStream: ~Copyable {
    /// Events per transaction. The first portion is smaller, so that its events show at once.
    private static let firstPortion = 64
    private static let portion = 16_384

    private let database: Database
    private let names: NameReader
    private var filter: EventFilter
    private let keys: [[UInt8]]?
    private var starts = KindQuery.Starts()
    /// Events that may follow this portion.
    private var remaining: Int
    private var portion = EventStream.firstPortion
    private var laterPortion = EventStream.portion
    private var remainingInPortion = 0
    private var cursors: [EventCursor] = []
    private var event = LoggedEvent()
    /// Whether no transaction is open: the time to wait for the output.
    public private(set) var isPaused = true
    /// The first event's id, and how many there have been.
    private var (firstID, events): (Int64?, Int64) = (nil, 0)
    private let isWhole: Bool

    /// - Parameter keys: the user's, if the filter includes them.
    /// - Parameter portion: how many events a transaction reads; nil for few at first, and then many.
    init(
        _ filter: EventFilter, limit: Int, keys: [[UInt8]]?, portion: Int? = nil, _ names: NameReader, _ database: Database
    ) {
        self.filter = filter
        remaining = limit
        isWhole = limit == .max && !filter.reversed
        if let portion { (self.portion, laterPortion) = (portion, portion) }
        self.keys = keys
        self.names = names
        self.database = database
    }

    deinit {
        if !isPaused { try? database.execute("ROLLBACK", operation: "read") }
    }

    /// The next event, or nil. Its texts are valid until the next call.
    public mutating func next() throws(LogError) -> LoggedEvent? {
        do throws(LogError) {
            if isPaused, try !beginPortion() { return nil }
            guard let next = cursors.next(descending: filter.reversed) else {
                remaining = 0
                pause()
                return nil
            }
            try cursors[next].fill(&event, names)
            if try !cursors[next].advance() { cursors.remove(at: next) }
            if firstID == nil { firstID = event.id }
            events += 1
            remainingInPortion -= 1
            if remainingInPortion == 0 {
                if filter.reversed { filter.beforeID = event.id } else { filter.afterID = event.id }
                starts.isExhausted = .init(repeating: true, count: EventKind.count)
                for cursor in cursors {
                    starts.isExhausted[cursor.kind.index] = false
                    starts.ids[cursor.kind.index] = cursor.id
                }
                pause()
            }
            return event
        } catch {
            pause()
            throw error
        }
    }

    /// What is left of a stream of unlimited length, oldest first, once it is known to be long: for several threads. Nil if there
    /// is nothing left, or if they would not pay.
    public var rest: Rest? {
        guard isPaused, isWhole, remaining > 0, events >= Self.portion, let firstID else { return nil }
        return Rest(filter: filter, keys: keys, idsPerEvent: max(1, (event.id - firstID) / events))
    }

    public struct Rest: Sendable {
        let filter: EventFilter
        let keys: [[UInt8]]?
        /// So many ids have an event that matches, on average, as far as the stream has come.
        let idsPerEvent: Int64
    }

    private mutating func beginPortion() throws(LogError) -> Bool {
        guard remaining > 0 else { return false }
        remainingInPortion = min(portion, remaining)
        remaining -= remainingInPortion
        portion = laterPortion
        if filter.reversed { filter.newest = remainingInPortion }
        try database.execute("BEGIN", operation: "read")
        isPaused = false
        cursors = try EventCursor.all(filter, keys: keys, from: starts, database)
        return true
    }

    private mutating func pause() {
        guard !isPaused else { return }
        cursors.removeAll()
        isPaused = true
        try? database.execute("ROLLBACK", operation: "read")
    }
}

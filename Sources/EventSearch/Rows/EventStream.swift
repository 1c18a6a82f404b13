import EventLog
import MetricsModel
import Readings

/// The events that a filter finds, oldest first unless it is reversed: those that are in the log at the beginning and have
/// not left it when it is their turn.
///
/// A slow reader holds no old state of the log, and so lets its WAL be emptied: after each portion the transaction ends.
public struct EventStream: ~Copyable {
    /// Events of one transaction. The first are fewer, to be shown at once.
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
    private var remainingInPortion = 0
    private var cursors: [EventCursor] = []
    private var event = LoggedEvent()
    /// Whether no transaction is open: the moment to wait for the output.
    public private(set) var isPaused = true

    /// - Parameter keys: the user's, if the filter includes them.
    init(_ filter: EventFilter, limit: Int, keys: [[UInt8]]?, _ names: NameReader, _ database: Database) {
        self.filter = filter
        remaining = limit
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

    private mutating func beginPortion() throws(LogError) -> Bool {
        guard remaining > 0 else { return false }
        remainingInPortion = min(portion, remaining)
        remaining -= remainingInPortion
        portion = Self.portion
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

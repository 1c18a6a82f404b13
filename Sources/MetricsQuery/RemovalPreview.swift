import EventLog
import EventSearch
import MetricsModel
import Readings

/// What a removal would take from the log, counted before anything is removed. Only a snapshot: a running server goes on
/// recording meanwhile.
public struct RemovalPreview: Sendable {
    /// By kind.
    public var removed = [UInt64](repeating: 0, count: EventKind.count)
    /// All events in the log.
    public var all: UInt64 = 0
    /// When the oldest and the newest of the events to be removed happened: UTC, microseconds; nil for none.
    public var oldest: Int64?
    public var newest: Int64?
    /// Whether the numbers are an estimate: under a size cap, events are removed until the log fits.
    public var isEstimate = false
    /// Names of users and keys that would be forgotten.
    public var users = 0
    public var identities = 0

    public init() {}

    public var events: UInt64 { removed.reduce(0, &+) }

    /// A preview of `prune`.
    ///
    /// - Parameter before: UTC, microseconds; the smallest number for no limit.
    public static func prune(_ log: EventLogReader, before: Int64, maxBytes: Int64?) throws(LogError) -> RemovalPreview {
        var preview = RemovalPreview()
        preview.all = UInt64(clamping: try log.count(EventFilter()))
        var old = EventFilter()
        old.untilMicroseconds = before
        if before > Int64.min { try preview.add(old, log) }
        if let maxBytes, let boundary = try preview.boundary(log, maxBytes) {
            var first = EventFilter()
            first.beforeID = boundary
            if before > Int64.min { first.sinceMicroseconds = before }
            try preview.add(first, log)
            preview.isEstimate = true
        }
        return preview
    }

    /// A preview of `forget`: like the command, follows registrations from users to keys and back.
    public static func forget(
        _ log: EventLogReader, user: EventFilter.Term?, identity: EventFilter.Term?
    ) throws(LogError) -> RemovalPreview {
        var preview = RemovalPreview()
        preview.all = UInt64(clamping: try log.count(EventFilter()))
        let person = try Person.find(log, user: user, identity: identity)
        preview.users = person.users.count
        preview.identities = person.identities.count
        if !person.identities.isEmpty {
            var filter = EventFilter()
            filter.identity = EventFilter.Term(plain: nil, pseudonyms: person.identities)
            filter.kinds = EventKind.allCases.filter { $0 != .userRegistered }
            try preview.add(filter, log)
        }
        for user in person.users {
            var filter = EventFilter()
            filter.user = Person.term(ofUser: user)
            try preview.add(filter, log)
        }
        return preview
    }

    /// The id below which events must leave for the log to fit; nil if it fits now. Assumes rows of equal size.
    private func boundary(_ log: EventLogReader, _ maxBytes: Int64) throws(LogError) -> Int64? {
        let pageBytes = try log.database.integer("PRAGMA page_size") ?? 4096
        let pages = try log.database.integer("PRAGMA page_count") ?? 0
        let used = pages - (try log.database.integer("PRAGMA freelist_count") ?? 0)
        let limit = maxBytes / pageBytes
        guard used > limit, used > 0, all > 0 else { return nil }
        let count = UInt64(Double(all) * Double(used - max(limit, 0)) / Double(used))
        // Nearly every id between the oldest and the newest has a row.
        var oldest = EventFilter()
        oldest.newest = 1
        guard let last = try Self.first(of: oldest, log) else { return nil }
        let firstID = last.id - Int64(clamping: all) + 1
        return firstID + Int64(clamping: count)
    }

    private mutating func add(_ filter: EventFilter, _ log: EventLogReader) throws(LogError) {
        for kind in EventKind.allCases where filter.kinds.isEmpty || filter.kinds.contains(kind) {
            var ofKind = filter
            ofKind.kinds = [kind]
            let count = try log.count(ofKind)
            guard count > 0 else { continue }
            removed[kind.index] &+= UInt64(clamping: count)
        }
        guard let old = try Self.first(of: filter, log) else { return }
        oldest = min(oldest ?? .max, old.timeMicroseconds)
        var last = filter
        last.newest = 1
        if let new = try Self.first(of: last, log) { newest = max(newest ?? .min, new.timeMicroseconds) }
    }

    private static func first(of filter: EventFilter, _ log: EventLogReader) throws(LogError) -> LoggedEvent? {
        var events = try log.events(filter)
        return try events.next()
    }
}

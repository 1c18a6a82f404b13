import EventLog
import MetricsModel
import Readings

/// What is known of a window from its rows only: the events that match a filter, and who sent and who received.
extension WindowReader {
    // MARK: A filter

    /// The filter with its newest N events as a range of ids; it matches nothing if there are none.
    public func bounded(_ filter: EventFilter) throws(LogError) -> EventFilter {
        guard filter.newest != nil else { return filter }
        var bounded = filter
        if try log.boundsInTransaction(&bounded, FilterTerms.keys(of: filter, database)) == nil {
            bounded.newest = nil
            bounded.beforeID = .min
        }
        return bounded
    }

    /// What `sums(since:until:isByQuarter:top:)` says, of the events that match a filter.
    public func sums(matching filter: EventFilter, isByQuarter: Bool, top: Int) throws(LogError) -> WindowSums {
        var sums = WindowSums(isByQuarter: isByQuarter)
        var failures: [Int64: Int64] = [:]
        let counts = try top > 0 ? TermCounts.ranked(database) : []
        let rows = SegmentSummary(keepsPostings: false)
        let row = UnsafeMutablePointer<Int64>.allocate(capacity: EventKind.columnLimit)
        defer { row.deallocate() }
        for plan in try KindQuery.plans(filter, descending: false, database) {
            let columns = NamedColumns(plan.kind)
            while let condition = try plan.nextCondition() {
                let statement = try database.prepare("SELECT * FROM \(plan.kind.table)\(condition)")
                while try statement.step() {
                    SegmentScan.fill(row, columns: plan.kind.columnCount, statement)
                    rows.add(plan.kind, row)
                    if !counts.isEmpty { columns.count(row, in: counts) }
                }
                add(rows, to: &sums, &failures, [])
                rows.removeAll()
            }
        }
        try finish(&sums, failures, counts, top: top, filter)
        return sums
    }

    /// How many events of each kind match.
    public func events(matching filter: EventFilter) throws(LogError) -> [Int64] {
        var events = [Int64](repeating: 0, count: EventKind.count)
        for kind in EventKind.allCases where filter.holds(kind) {
            var filter = filter
            filter.kinds = [kind]
            events[kind.index] = try EventCount(database).of(filter)
        }
        return events
    }

    /// Where a kind's row names identities, channels, and users whose logins failed.
    private struct NamedColumns {
        private var identity: Int?
        private var otherIdentity: Int?
        private var channel: Int?
        private var user: Int?
        private var ok = 0

        init(_ kind: EventKind) {
            for (index, field) in kind.fields.enumerated() {
                let column = index + 2
                switch field.names {
                case .identity: if identity == nil { identity = column } else { otherIdentity = column }
                case .channel: channel = column
                case .user: if kind == .auth { user = column }
                case .reason, nil: if field == .ok { ok = column }
                }
            }
        }

        @inline(__always)
        func count(_ row: UnsafePointer<Int64>, in counts: [TermCounts]) {
            if let identity {
                counts[NameKind.identity.rawValue].add(1, to: row[identity])
                if let otherIdentity, row[otherIdentity] != row[identity] {
                    counts[NameKind.identity.rawValue].add(1, to: row[otherIdentity])
                }
            }
            if let channel { counts[NameKind.channel.rawValue].add(1, to: row[channel]) }
            if let user, row[ok] == 0 { counts[NameKind.user.rawValue].add(1, to: row[user]) }
        }
    }

    // MARK: Activity

    /// Who sent and who received is in no index. A window with more messages and fetches than this goes without, so that a
    /// month of a busy server stays quick; `count --by sender` reads them all.
    static var activityLimit: Int64 { 1_000_000 }

    /// Nil if there is too much to read.
    func activity(
        of identities: [Int64], channels: [Int64], _ sums: WindowSums, _ filter: EventFilter
    ) throws(LogError) -> (identities: [Int64: WindowStats.Activity], channels: [Int64: WindowStats.Activity])? {
        let columns = [MinuteColumn.message, .batchMessage, .fetch].map(\.rawValue)
        let events = sums.minutes.reduce(Int64(0)) { sum, minute in columns.reduce(sum) { $0 &+ minute.sums[$1] } }
        guard events <= Self.activityLimit else { return nil }
        var (people, places) = (Activities(identities), Activities(channels))
        var filter = filter
        let kinds = [EventKind.messageEnqueue, .batchEnqueue, .fetch].filter { filter.holds($0) }
        filter.kinds = kinds
        guard !kinds.isEmpty else { return (people.byTerm, places.byTerm) }
        for plan in try KindQuery.plans(filter, descending: false, database) {
            let isFetch = plan.kind == .fetch
            let columns = isFetch ? "recipient, channel, count" : "recipient, channel, bytes, sender"
            while let condition = try plan.nextCondition() {
                let rows = try database.prepare("SELECT \(columns) FROM \(plan.kind.table)\(condition)")
                while try rows.step() {
                    let number = UInt64(bitPattern: rows.integer(2))
                    if isFetch {
                        people.addFetch(by: rows.integer(0), number)
                        places.addFetch(by: rows.integer(1), number)
                    } else {
                        people.addReceived(by: rows.integer(0), number)
                        people.addSent(by: rows.integer(3), number)
                        places.addSent(by: rows.integer(1), number)
                    }
                }
            }
        }
        return (people.byTerm, places.byTerm)
    }

    /// Of some terms; others are passed over.
    private struct Activities {
        private(set) var byTerm: [Int64: WindowStats.Activity] = [:]
        /// Which of 64 classes of terms there is one of: most rows name nobody in the list, and are passed over by this alone.
        private var classes: UInt64 = 0

        init(_ terms: [Int64]) {
            for term in terms {
                byTerm[term] = WindowStats.Activity()
                classes |= 1 << UInt64(term & 63)
            }
        }

        @inline(__always)
        private func index(of term: Int64) -> Dictionary<Int64, WindowStats.Activity>.Index? {
            classes >> UInt64(term & 63) & 1 == 0 ? nil : byTerm.index(forKey: term)
        }

        mutating func addSent(by term: Int64, _ bytes: UInt64) {
            guard let index = index(of: term) else { return }
            byTerm.values[index].sent &+= 1
            byTerm.values[index].bytesSent &+= bytes
        }

        mutating func addReceived(by term: Int64, _ bytes: UInt64) {
            guard let index = index(of: term) else { return }
            byTerm.values[index].received &+= 1
            byTerm.values[index].bytesReceived &+= bytes
        }

        mutating func addFetch(by term: Int64, _ messages: UInt64) {
            guard let index = index(of: term) else { return }
            byTerm.values[index].fetches &+= 1
            byTerm.values[index].messagesFetched &+= messages
        }
    }
}

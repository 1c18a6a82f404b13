import EventLog
import MetricsModel
import Readings

/// What one kind's table is asked: the same conditions of one range or set of ids after another, as the answer needs them.
struct KindQuery {
    let kind: EventKind
    let order: String
    private let fixed: [String]
    private let places: KindPlaces

    /// Where an earlier query for the same filter left each kind. Both see only ids that the log had at the first, and rows
    /// only leave it in the meantime, so no row lies before.
    struct Starts {
        /// By kind: the id of its next event; nil if that is not known.
        var ids = [Int64?](repeating: nil, count: EventKind.count)
        /// By kind: whether it has no more events.
        var isExhausted = [Bool](repeating: false, count: EventKind.count)
    }

    /// The tables that can hold what the filter wants, and where in them.
    ///
    /// - Parameter keys: the user's keys, if the filter includes them and they are known already.
    static func plans(
        _ filter: EventFilter, descending: Bool, keys: [[UInt8]]? = nil, from starts: Starts = Starts(), _ database: Database
    ) throws(LogError) -> [KindQuery] {
        let terms = try FilterTerms(filter, keys: keys, database)
        let isUnbound = filter.sinceMicroseconds == nil && filter.untilMicroseconds == nil
        let map = isUnbound && terms.areEmpty ? nil : try SegmentMap(database)
        // One more than wanted: what follows the last one is known then.
        let order =
            " ORDER BY id" + (descending ? " DESC" : "") + (filter.newest.map { " LIMIT \($0 == .max ? $0 : $0 + 1)" } ?? "")
        var plans: [KindQuery] = []
        for kind in EventKind.allCases where filter.holds(kind) && !starts.isExhausted[kind.index] {
            guard var fixed = terms.conditions(of: kind) else { continue }
            var filter = filter
            if let id = starts.ids[kind.index] {
                if descending { filter.beforeID = id == .max ? nil : id + 1 } else { filter.afterID = id == .min ? nil : id - 1 }
            }
            if filter.failedOnly || filter.failureClass != nil { fixed.append("ok = 0") }
            if filter.okOnly { fixed.append("ok <> 0") }
            // All 64 bits count, and SQLite takes them for a signed number.
            if let bytes = filter.minBytes { fixed.append("(bytes >= \(bytes) OR bytes < 0)") }
            if let since = filter.sinceMicroseconds { fixed.append("time >= \(since)") }
            if let until = filter.untilMicroseconds { fixed.append("time < \(until)") }
            let places = try KindPlaces(kind, filter, terms, map, descending: descending, database)
            plans.append(KindQuery(kind: kind, order: order, fixed: fixed, places: places))
        }
        return plans
    }

    /// The condition of the next place that may hold rows, beginning with WHERE or empty; nil if there is no more. Numbers only,
    /// never text from outside.
    func nextCondition() throws(LogError) -> String? {
        guard let place = try places.next() else { return nil }
        let all = place + fixed
        return all.isEmpty ? "" : " WHERE " + all.joined(separator: " AND ")
    }
}

/// Ranges and sets of ids in one kind's table, one after another, outside which no row matches; within the filter's ids. Postings
/// are searched only as far as places are asked for.
final class KindPlaces {
    /// A segment in which more rows than this name a term is read from end to end.
    private static let sparseLimit = 4096
    /// Ids are handed to a statement once there are this many.
    private static let idsAtOnce = 1000
    /// More terms than this, as a short prefix may match, are not looked up.
    private static let termLimit = 64

    private let map: SegmentMap?
    private let spans: [SegmentMap.Span]
    private let terms: (lists: [Posting.List], ids: [Int64])?
    private let search: PostingSearch
    private let isDescending: Bool
    private let idLimit: Int
    private let after: Int64?
    private let before: Int64?
    private var position = 0
    /// A segment that was searched, and is to be read from end to end next.
    private var pending: SegmentMap.Span?
    private var isWhole: Bool

    /// - Parameter map: nil for the whole table as one place.
    init(
        _ kind: EventKind, _ filter: EventFilter, _ terms: FilterTerms, _ map: SegmentMap?, descending: Bool, _ database: Database
    ) throws(LogError) {
        self.map = map
        isWhole = map == nil
        isDescending = descending
        after = filter.afterID
        before = filter.beforeID
        self.terms = terms.lookUp(in: kind).flatMap { $0.ids.count <= Self.termLimit ? $0 : nil }
        search = try PostingSearch(database)
        // Stop once enough are found.
        idLimit = max(1, min(Self.idsAtOnce, filter.newest ?? Self.idsAtOnce))
        let spans = (map?.spans ?? []).filter { span in
            if let after = filter.afterID, Segment.endID(span.segment) <= after { return false }
            if let before = filter.beforeID, Segment.firstID(span.segment) >= before { return false }
            return SegmentMap.mayHold(span, since: filter.sinceMicroseconds, until: filter.untilMicroseconds)
        }
        self.spans = descending ? spans.reversed() : spans
    }

    /// - Returns: conditions, all of which hold for the place's rows.
    func next() throws(LogError) -> [String]? {
        if isWhole {
            isWhole = false
            return bounds
        }
        guard let map, let terms else { return nextRange() }
        if let span = pending {
            pending = nil
            return range(span, span)
        }
        var ids: [Int64] = []
        while position < spans.count, ids.count < idLimit {
            let span = spans[position]
            position += 1
            if span.isIndexed,
                let found = try map.ids(
                    in: span.segment, lists: terms.lists, terms: terms.ids, limit: Self.sparseLimit, search)
            {
                ids += found.filter { $0 > (after ?? .min) && $0 < (before ?? .max) }
            } else if ids.isEmpty {
                return range(span, span)
            } else {
                pending = span
                break
            }
        }
        // With bounds beside so many ids, SQLite would read everything between the bounds instead.
        return ids.isEmpty ? nil : ["id IN (\(ids.map { String($0) }.joined(separator: ",")))"]
    }

    private var bounds: [String] { (after.map { ["id > \($0)"] } ?? []) + (before.map { ["id < \($0)"] } ?? []) }

    /// As many segments as follow each other.
    private func nextRange() -> [String]? {
        guard position < spans.count else { return nil }
        let first = spans[position]
        var last = first
        position += 1
        while position < spans.count, abs(spans[position].segment - last.segment) == 1 {
            last = spans[position]
            position += 1
        }
        return isDescending ? range(last, first) : range(first, last)
    }

    private func range(_ first: SegmentMap.Span, _ last: SegmentMap.Span) -> [String] {
        ["id >= \(Segment.firstID(first.segment))", "id < \(Segment.endID(last.segment))"] + bounds
    }
}

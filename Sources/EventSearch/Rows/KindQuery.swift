import EventLog
import MetricsModel
import Readings

/// What one kind's table is asked: the same conditions of one range or set of ids after the other.
struct KindQuery {
    var kind: EventKind
    /// Each begins with WHERE, or is empty; in the order in which their rows come. Numbers only, never text from outside.
    var conditions: [String]
    var order: String

    /// A segment in which more rows than this name a term is read from end to end.
    private static let sparseLimit = 4096
    /// Ids that one statement is asked for.
    private static let idsAtOnce = 1000
    /// A beginning that more terms share than this is not looked up.
    private static let termLimit = 64

    /// The tables that can hold what the filter wants, and where in them.
    static func plans(
        _ filter: EventFilter, descending: Bool, _ database: Database
    ) throws(LogError) -> [KindQuery] {
        let terms = try FilterTerms(filter, database)
        let isUnbound = filter.sinceMicroseconds == nil && filter.untilMicroseconds == nil
        let index = isUnbound && terms.areEmpty ? nil : try SegmentMap(database)
        var plans: [KindQuery] = []
        for kind in EventKind.allCases where filter.holds(kind) {
            guard var fixed = terms.conditions(of: kind) else { continue }
            if filter.failedOnly || filter.failureClass != nil { fixed.append("ok = 0") }
            if filter.okOnly { fixed.append("ok <> 0") }
            // All 64 bits count, and SQLite takes them for a signed number.
            if let bytes = filter.minBytes { fixed.append("(bytes >= \(bytes) OR bytes < 0)") }
            if let after = filter.afterID { fixed.append("id > \(after)") }
            if let before = filter.beforeID { fixed.append("id < \(before)") }
            if let since = filter.sinceMicroseconds { fixed.append("time >= \(since)") }
            if let until = filter.untilMicroseconds { fixed.append("time < \(until)") }
            var places = [""]
            if let index {
                places = try Self.places(of: kind, filter, terms, index, database)
                if descending { places.reverse() }
            }
            let conditions = places.map { place in
                let all = (place.isEmpty ? [] : [place]) + fixed
                return all.isEmpty ? "" : " WHERE " + all.joined(separator: " AND ")
            }
            var order = " ORDER BY id" + (descending ? " DESC" : "")
            if let newest = filter.newest { order += " LIMIT \(newest)" }
            plans.append(KindQuery(kind: kind, conditions: conditions, order: order))
        }
        return plans
    }

    /// Ranges and sets of ids, rising, outside of which no row matches.
    private static func places(
        of kind: EventKind, _ filter: EventFilter, _ terms: FilterTerms, _ index: SegmentMap,
        _ database: Database
    ) throws(LogError) -> [String] {
        var places: [String] = []
        var range: Range<Int64>?
        var ids: [Int64] = []
        func closeRange() {
            if let range { places.append("id >= \(range.lowerBound) AND id < \(range.upperBound)") }
            range = nil
        }
        func closeIDs() {
            if !ids.isEmpty { places.append("id IN (\(ids.map { String($0) }.joined(separator: ",")))") }
            ids.removeAll()
        }
        let search = try PostingSearch(database)
        let lookUp = terms.lookUp(in: kind).flatMap { $0.ids.count <= termLimit ? $0 : nil }
        for span in index.spans
        where SegmentMap.mayHold(span, since: filter.sinceMicroseconds, until: filter.untilMicroseconds) {
            if let after = filter.afterID, Segment.endID(span.segment) <= after { continue }
            if let before = filter.beforeID, Segment.firstID(span.segment) >= before { continue }
            if span.isIndexed, let lookUp,
                let found = try index.ids(
                    in: span.segment, lists: lookUp.lists, terms: lookUp.ids, limit: sparseLimit, search)
            {
                guard !found.isEmpty else { continue }
                closeRange()
                ids += found
                if ids.count >= idsAtOnce { closeIDs() }
            } else {
                closeIDs()
                let start = Segment.firstID(span.segment)
                if let open = range, open.upperBound == start {
                    range = open.lowerBound..<Segment.endID(span.segment)
                } else {
                    closeRange()
                    range = start..<Segment.endID(span.segment)
                }
            }
        }
        closeRange()
        closeIDs()
        return places
    }
}

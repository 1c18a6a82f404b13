import EventLog
import MetricsModel

/// The names that the log has, to check that every name in a row is among them. One bit per name: a query per row would take most
/// of a proof's time.
struct KnownNames: Sendable {
    /// By `NameKind`: whether a name has this number.
    private var bits: [[UInt64]] = []
    /// By `Posting.List`: rows that refer to a missing name.
    private var missing = [Int](repeating: 0, count: Posting.List.allCases.count)
    /// The same for segments whose rows were read, by kind and field.
    private var problemsOfRows: [String] = []

    /// Numbers beyond this have no bit, for the sake of memory, and are taken for known.
    private static let most = 1 << 28

    init(_ database: Database) throws(LogError) {
        for kind in NameKind.allCases {
            let largest = min(try database.integer("SELECT max(id) FROM \(kind.table)") ?? 0, Int64(Self.most))
            var words = [UInt64](repeating: 0, count: Int(max(0, largest)) / 64 + 1)
            let ids = try database.prepare("SELECT id FROM \(kind.table)", operation: "check")
            while try ids.step(operation: "check") {
                let id = ids.integer(0)
                if id >= 0, id <= largest { words[Int(id) / 64] |= 1 << UInt64(id % 64) }
            }
            bits.append(words)
        }
    }

    /// Adds what the same check of other segments found.
    mutating func add(_ other: KnownNames) {
        for list in missing.indices { missing[list] += other.missing[list] }
        problemsOfRows += other.problemsOfRows
    }

    private func has(_ term: Int64, _ kind: NameKind) -> Bool {
        let words = bits[kind.rawValue]
        if term > Int64(Self.most) { return true }
        guard term >= 0, Int(term) / 64 < words.count else { return false }
        return words[Int(term) / 64] & 1 << UInt64(term % 64) != 0
    }

    /// Checks the names of a segment whose rows have been added up and sorted: each name of a list once.
    mutating func check(_ summary: SegmentSummary) {
        var (list, term): (UInt8, Int64) = (.max, -1)
        var isKnown = true
        for index in 0..<summary.postingCount {
            let posting = summary.postings[index]
            let (nextList, nextTerm) = (Posting.list(of: posting), Posting.term(of: posting))
            if nextList != list || nextTerm != term {
                (list, term) = (nextList, nextTerm)
                isKnown = Posting.List(rawValue: list).map { $0.isPart || has(term, $0.names) } ?? true
            }
            if !isKnown { missing[Int(list)] += 1 }
        }
    }

    /// The same for a segment without an index, or with numbers that do not fit a posting.
    mutating func readRows(of segment: Int64, in database: Database) throws(LogError) {
        for kind in EventKind.allCases {
            for field in kind.fields {
                guard let names = field.names, names != .reason else { continue }
                try count(
                    kind, field, names, "id >= \(Segment.firstID(segment)) AND id < \(Segment.endID(segment)) AND ", database)
            }
        }
    }

    private mutating func count(
        _ kind: EventKind, _ field: EventField, _ names: NameKind, _ range: String, _ database: Database
    ) throws(LogError) {
        let condition = range + "\(field.name) IS NOT NULL AND \(field.name) NOT IN (SELECT id FROM \(names.table))"
        let count = try database.integer("SELECT count(*) FROM \(kind.table) WHERE \(condition)", operation: "check") ?? 0
        if count > 0 {
            problemsOfRows.append("\(count) rows of \(kind.table) name a \(field.name) that is not in \(names.table)")
        }
    }

    /// What was found, in words. Reasons have no postings, so they are checked here.
    mutating func problems(_ database: Database) throws(LogError) -> [String] {
        try count(.auth, .reason, .reason, "", database)
        let ofPostings = Posting.List.allCases.filter { missing[Int($0.rawValue)] > 0 }.map { list in
            "\(missing[Int(list.rawValue)]) rows of \(list.kind.table) name somebody who is not in \(list.names.table)"
        }
        return ofPostings + problemsOfRows
    }
}

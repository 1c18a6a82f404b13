import CMachine
import EventLog
import MetricsModel

/// How many events name each identity, channel or user: one counter per name in the log. One thread.
final class TermCounts {
    /// The smallest number of a name; `end` is one past the largest.
    private let first: Int64
    private let end: Int64
    private let counts: UnsafeMutablePointer<UInt32>

    init(_ names: NameKind, _ database: Database) throws(LogError) {
        first = try database.integer("SELECT min(id) FROM \(names.table)") ?? 0
        let last = try database.integer("SELECT max(id) FROM \(names.table)") ?? -1
        end = max(first, last + 1)
        // SAFETY: zeroed memory is counts of 0. Fresh from the system, it becomes resident only where it is used, so numbers
        // whose names have left the log cost little.
        counts = calloc(Int(end - first) + 1, MemoryLayout<UInt32>.stride).assumingMemoryBound(to: UInt32.self)
    }

    deinit { free(counts) }

    /// One for each kind of name that activity is ranked by, by its number.
    static func ranked(_ database: Database) throws(LogError) -> [TermCounts] {
        var counts: [TermCounts] = []
        for names in [NameKind.identity, .channel, .user] { counts.append(try TermCounts(names, database)) }
        return counts
    }

    /// Ignores a number that no name has, which `verify` reports.
    @inline(__always)
    func add(_ count: Int, to term: Int64) {
        guard term >= first, term < end else { return }
        counts[Int(truncatingIfNeeded: term &- first)] &+= UInt32(truncatingIfNeeded: count)
    }

    /// The terms with the largest counts, largest first; of equal ones, whichever the log met first.
    func most(_ limit: Int) -> [(term: Int64, count: Int64)] {
        guard limit > 0 else { return [] }
        var most: [(term: Int64, count: Int64)] = []
        // A term that is not among the top `limit` so far cannot be among them at the end.
        var least: UInt32 = 0
        func keepLargest() {
            most.sort { $0.count != $1.count ? $0.count > $1.count : $0.term < $1.term }
            guard most.count >= limit else { return }
            most.removeLast(most.count - limit)
            least = UInt32(truncatingIfNeeded: most[limit - 1].count)
        }
        for index in 0..<Int(end - first) where counts[index] > least {
            most.append((term: first + Int64(index), count: Int64(counts[index])))
            if most.count >= 2 * limit { keepLargest() }
        }
        keepLargest()
        return most
    }
}

import CMachine
import MetricsModel

/// Sums rows up into what the index says of them. One thread.
///
/// The writer feeds it each row as it comes; the same type sums up rows that are reread: for a segment whose rows span a restart,
/// for queries about rows that are not indexed, and to verify an index.
public final class SegmentSummary {
    /// A minute since 1970, and its sums by `MinuteColumn`.
    public struct Minute {
        public var minute: Int64
        public var sums: SIMD16<Int64>

        package init(minute: Int64, sums: SIMD16<Int64>) {
            self.minute = minute
            self.sums = sums
        }
    }

    /// Stands for NULL among a row's columns.
    package static var null: Int64 { RowBatch.null }

    public private(set) var rows = 0
    /// The sum of the rows' hashes: `RowCheck`.
    package private(set) var rowCheck: UInt64 = 0
    public private(set) var firstTime = Int64.max
    public private(set) var lastTime = Int64.min
    /// In the order in which they were seen, a minute perhaps several times, until `sort`.
    public private(set) var minutes: [Minute] = []
    /// The minute being added to.
    private var minute = Int64.min
    private let sums: UnsafeMutablePointer<Int64>
    /// By measure, then bucket.
    public let sizes: UnsafeMutablePointer<Int64>
    public static var sizeCount: Int { SizeMeasure.count * SizeBucket.count }
    /// By reason; 0 for none.
    public private(set) var failures: [Int64: Int64] = [:]

    /// Who is named where; in order after `sort`.
    package private(set) var postings: UnsafeMutablePointer<UInt64>
    package private(set) var postingCount = 0
    private var postingCapacity: Int
    /// A number was negative, or too large for a posting.
    package private(set) var hasUnknownTerm = false
    private let keepsPostings: Bool

    /// - Parameter keepsPostings: whether postings are wanted; all rows must then be of one segment.
    public init(keepsPostings: Bool) {
        self.keepsPostings = keepsPostings
        postingCapacity = 1024
        postings = .allocate(capacity: postingCapacity)
        sums = .allocate(capacity: MinuteColumn.count)
        sums.initialize(repeating: 0, count: MinuteColumn.count)
        sizes = .allocate(capacity: Self.sizeCount)
        sizes.initialize(repeating: 0, count: Self.sizeCount)
    }

    deinit {
        postings.deallocate()
        sums.deallocate()
        sizes.deallocate()
    }

    public func removeAll() {
        rows = 0
        rowCheck = 0
        firstTime = Int64.max
        lastTime = Int64.min
        minutes.removeAll(keepingCapacity: true)
        minute = Int64.min
        sums.update(repeating: 0, count: MinuteColumn.count)
        sizes.update(repeating: 0, count: Self.sizeCount)
        failures.removeAll(keepingCapacity: true)
        postingCount = 0
        hasUnknownTerm = false
    }

    /// - Parameter row: the columns of the kind's table, in their order.
    @inline(__always)
    package func add(_ kind: EventKind, _ row: UnsafePointer<Int64>) {
        rows &+= 1
        let time = row[1]
        if time < firstTime { firstTime = time }
        if time > lastTime { lastTime = time }
        // A minute begins at its first microsecond, also before 1970.
        let now = time >= 0 ? time / 60_000_000 : (time &- 59_999_999) / 60_000_000
        if now != minute { turn(to: now) }
        switch kind {
        case .messageEnqueue:
            rowCheck &+= RowCheck.hash(kind, row, columns: 7)
            addMessage(row, first: .message, measure: .payload, identities: .messageIdentity)
        case .batchEnqueue:
            rowCheck &+= RowCheck.hash(kind, row, columns: 9)
            addMessage(row, first: .batchMessage, measure: .batchPayload, identities: .batchIdentity)
            if row[0] == row[7] { count(.batch, UInt64(bitPattern: row[8])) }
        case .auth:
            rowCheck &+= RowCheck.hash(kind, row, columns: 5)
            count(.auth)
            if row[3] == 0 { count(.authFailed) }
            // A successful login should have no reason; if it has one, the reason is in use, and counts 0.
            if row[3] == 0 || row[4] != Self.null {
                failures[row[4] == Self.null ? 0 : row[4], default: 0] &+= row[3] == 0 ? 1 : 0
            }
            name(.authUser, row[2], row[0])
            if row[3] == 0 { name(.failedUser, row[2], row[0]) }
        case .channelCreated:
            rowCheck &+= RowCheck.hash(kind, row, columns: 6)
            count(.channelCreated)
            if row[5] != 0 { count(.channelNew) }
            name(.channelChannel, row[2], row[0])
            name(.channelIdentity, row[3], row[0])
            if row[4] != row[3] { name(.channelIdentity, row[4], row[0]) }
        case .fetch:
            rowCheck &+= RowCheck.hash(kind, row, columns: 5)
            count(.fetch)
            if row[4] == 0 { count(.fetchEmpty) }
            sums[MinuteColumn.fetchMessages.rawValue] &+= row[4]
            count(.fetch, UInt64(bitPattern: row[4]))
            name(.fetchIdentity, row[2], row[0])
            name(.fetchChannel, row[3], row[0])
        case .userRegistered:
            rowCheck &+= RowCheck.hash(kind, row, columns: 4)
            count(.userRegistered)
            name(.registeredUser, row[2], row[0])
            name(.registeredIdentity, row[3], row[0])
        }
    }

    @inline(__always)
    private func addMessage(
        _ row: UnsafePointer<Int64>, first: MinuteColumn, measure: SizeMeasure, identities: Posting.List
    ) {
        let column = first.rawValue
        sums[column] &+= 1
        if row[2] == Self.null { sums[column &+ 1] &+= 1 }
        sums[column &+ 2] &+= row[5]
        count(measure, UInt64(bitPattern: row[5]))
        let list = identities.rawValue
        name(list, row[2], row[0])
        if row[3] != row[2] { name(list, row[3], row[0]) }
        name(list &+ 1, row[4], row[0])
    }

    @inline(__always)
    private func count(_ column: MinuteColumn) { sums[column.rawValue] &+= 1 }

    @inline(__always)
    private func count(_ measure: SizeMeasure, _ value: UInt64) {
        sizes[measure.rawValue &* SizeBucket.count &+ SizeBucket.of(value)] &+= 1
    }

    @inline(__always)
    private func name(_ list: Posting.List, _ term: Int64, _ id: Int64) { name(list.rawValue, term, id) }

    @inline(__always)
    private func name(_ list: UInt8, _ term: Int64, _ id: Int64) {
        guard term != Self.null, keepsPostings else { return }
        if term < 0 || term >= Posting.termLimit {
            hasUnknownTerm = true
            return
        }
        if postingCount == postingCapacity { growPostings() }
        postings[postingCount] = Posting.posting(list: list, term: term, id: id)
        postingCount &+= 1
    }

    private func turn(to now: Int64) {
        keepMinute()
        minute = now
    }

    private func keepMinute() {
        guard minute != Int64.min else { return }
        var kept = Minute(minute: minute, sums: .zero)
        for index in 0..<MinuteColumn.count { kept.sums[index] = sums[index] }
        minutes.append(kept)
        minute = Int64.min
        sums.update(repeating: 0, count: MinuteColumn.count)
    }

    private func growPostings() {
        let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: postingCapacity * 2)
        larger.update(from: postings, count: postingCount)
        postings.deallocate()
        postings = larger
        postingCapacity *= 2
    }

    /// Ends the minute being added to: `minutes` then covers every row.
    package func endMinutes() { keepMinute() }

    /// Sorts minutes and postings; each minute is then there once.
    public func sort() {
        keepMinute()
        Self.merge(&minutes)
        sortPostings()
    }

    /// Sorts minutes and merges those that occur more than once.
    package static func merge(_ minutes: inout [Minute]) {
        minutes.sort { $0.minute < $1.minute }
        var kept = 0
        for index in minutes.indices {
            if kept > 0, minutes[kept - 1].minute == minutes[index].minute {
                minutes[kept - 1].sums &+= minutes[index].sums
            } else {
                minutes[kept] = minutes[index]
                kept += 1
            }
        }
        minutes.removeLast(minutes.count - kept)
    }

    /// A radix sort by digits of eleven bits, only those in which postings differ. The places of a term come in order, so only
    /// the list and the term are looked at.
    private func sortPostings() {
        guard postingCount > 1 else { return }
        var differing: UInt64 = 0
        var isInOrder = true
        for index in 1..<postingCount {
            differing |= postings[index] ^ postings[0]
            if postings[index] < postings[index &- 1] { isInOrder = false }
        }
        if isInOrder { return }
        var spare = UnsafeMutablePointer<UInt64>.allocate(capacity: postingCapacity)
        let offsets = UnsafeMutablePointer<Int>.allocate(capacity: 2048)
        defer {
            spare.deallocate()
            offsets.deallocate()
        }
        var shift: UInt64 = 16
        while shift < 64 {
            defer { shift &+= 11 }
            guard differing >> shift & 2047 != 0 else { continue }
            offsets.initialize(repeating: 0, count: 2048)
            for index in 0..<postingCount { offsets[Int(truncatingIfNeeded: postings[index] >> shift) & 2047] &+= 1 }
            var sum = 0
            for digit in 0..<2048 {
                let count = offsets[digit]
                offsets[digit] = sum
                sum &+= count
            }
            for index in 0..<postingCount {
                let digit = Int(truncatingIfNeeded: postings[index] >> shift) & 2047
                spare[offsets[digit]] = postings[index]
                offsets[digit] &+= 1
            }
            swap(&postings, &spare)
        }
    }
}

import MetricsModel
import TestSupport
import Testing

@testable import EventLog

/// What a summary adds up, compared with plain sums over the same rows.
@Suite struct SegmentSummaryTests {
    private struct Row {
        var kind: EventKind
        var values: [Int64]

        /// Nil where the row has no value, or the kind no such column.
        func value(_ field: EventField) -> Int64? {
            guard let index = kind.fields.firstIndex(of: field), values[index + 2] != RowBatch.null else { return nil }
            return values[index + 2]
        }
    }

    /// Times go back and forth, also around 1970; names repeat.
    private func rows(_ count: Int, _ generator: inout SeededGenerator) -> [Row] {
        (1...Int64(count)).map { id in
            let kind = EventKind.allCases.randomElement(using: &generator)!
            let values = kind.fields.map { field -> Int64 in
                switch field {
                case .ok, .new: .random(in: 0...1, using: &generator)
                case .batch: Bool.random(using: &generator) ? id : id - 1
                case .bytes, .seq, .count, .batchSize: .random(in: 0...5000, using: &generator)
                default: .random(in: 0..<4, using: &generator) == 0 ? RowBatch.null : .random(in: 1...30, using: &generator)
                }
            }
            return Row(kind: kind, values: [id, .random(in: -200_000_000...200_000_000, using: &generator)] + values)
        }
    }

    private func summary(of rows: [Row]) -> SegmentSummary {
        let summary = SegmentSummary(keepsPostings: true)
        for row in rows { row.values.withUnsafeBufferPointer { summary.add(row.kind, $0.baseAddress!) } }
        summary.sort()
        return summary
    }

    private func minute(_ row: Row) -> Int64 { Int64((Double(row.values[1]) / 60_000_000).rounded(.down)) }

    private func sums(_ rows: [Row]) -> SIMD16<Int64> {
        func count(_ kind: EventKind, _ matches: (Row) -> Bool = { _ in true }) -> Int64 {
            Int64(rows.count { $0.kind == kind && matches($0) })
        }
        func sum(_ kind: EventKind, _ field: EventField) -> Int64 {
            rows.filter { $0.kind == kind }.reduce(0) { $0 + ($1.value(field) ?? 0) }
        }
        var sums = SIMD16<Int64>.zero
        for column in MinuteColumn.allCases {
            sums[column.rawValue] =
                switch column {
                case .message: count(.messageEnqueue)
                case .messageSealed: count(.messageEnqueue) { $0.value(.sender) == nil }
                case .messageBytes: sum(.messageEnqueue, .bytes)
                case .batchMessage: count(.batchEnqueue)
                case .batchMessageSealed: count(.batchEnqueue) { $0.value(.sender) == nil }
                case .batchMessageBytes: sum(.batchEnqueue, .bytes)
                case .auth: count(.auth)
                case .authFailed: count(.auth) { $0.value(.ok) == 0 }
                case .channelCreated: count(.channelCreated)
                case .channelNew: count(.channelCreated) { $0.value(.new) == 1 }
                case .fetch: count(.fetch)
                case .fetchEmpty: count(.fetch) { $0.value(.count) == 0 }
                case .fetchMessages: sum(.fetch, .count)
                case .userRegistered: count(.userRegistered)
                }
        }
        return sums
    }

    private func sizes(_ rows: [Row]) -> [Int64] {
        var sizes = [Int64](repeating: 0, count: SegmentSummary.sizeCount)
        func add(_ measure: SizeMeasure, _ value: Int64?) {
            let bucket = (0..<SizeBucket.count).last { SizeBucket.lowerBound($0) <= UInt64(value!) }!
            sizes[measure.rawValue * SizeBucket.count + bucket] += 1
        }
        for row in rows {
            switch row.kind {
            case .messageEnqueue: add(.payload, row.value(.bytes))
            case .batchEnqueue:
                add(.batchPayload, row.value(.bytes))
                if row.value(.batch) == row.values[0] { add(.batch, row.value(.batchSize)) }
            case .fetch: add(.fetch, row.value(.count))
            case .auth, .channelCreated, .userRegistered: break
            }
        }
        return sizes
    }

    private func postings(_ rows: [Row]) -> [UInt64] {
        var postings: Set<UInt64> = []
        for row in rows {
            for list in Posting.List.allCases where list.kind == row.kind {
                if list == .failedUser, row.value(.ok) != 0 { continue }
                for field in row.kind.fields where field.names == list.names {
                    guard let term = row.value(field) else { continue }
                    postings.insert(Posting.posting(list: list.rawValue, term: term, id: row.values[0]))
                }
            }
        }
        return postings.sorted()
    }

    @Test("Its sums are those of the rows", arguments: [0, 1, 2, 500, 3000])
    func sums(count: Int) {
        var generator = SeededGenerator.announced("segment sums")
        let rows = count == 0 ? [] : rows(count, &generator)
        let summary = summary(of: rows)
        #expect(summary.rows == count)
        #expect(summary.firstTime == rows.map { $0.values[1] }.min() ?? .max)
        #expect(summary.lastTime == rows.map { $0.values[1] }.max() ?? .min)
        let byMinute = Dictionary(grouping: rows, by: minute).sorted { $0.key < $1.key }
        #expect(summary.minutes.map(\.minute) == byMinute.map(\.key))
        #expect(summary.minutes.map(\.sums) == byMinute.map { sums($0.value) })
        #expect(Array(UnsafeBufferPointer(start: summary.sizes, count: SegmentSummary.sizeCount)) == sizes(rows))
        // A reason is in use even though its login succeeded; then it does not count as a failure.
        let withReason = rows.filter { $0.kind == .auth && ($0.value(.ok) == 0 || $0.value(.reason) != nil) }
        let byReason = Dictionary(grouping: withReason) { $0.value(.reason) ?? 0 }
        #expect(summary.failures == byReason.mapValues { Int64($0.count { $0.value(.ok) == 0 }) })
    }

    @Test("The radix sort puts postings in the order in which `sort` does", arguments: [0, 1, 2, 500, 10_000])
    func sorted(count: Int) {
        var generator = SeededGenerator.announced("postings' order")
        let rows = count == 0 ? [] : rows(count, &generator)
        let summary = summary(of: rows)
        #expect(Array(UnsafeBufferPointer(start: summary.postings, count: summary.postingCount)) == postings(rows))
    }

    /// The terms differ in every digit of the sort.
    @Test func largeTermsAreSortedToo() {
        var generator = SeededGenerator.announced("large terms")
        let rows = (0..<Int64(4000)).map { id in
            Row(
                kind: .userRegistered,
                values: [id, 0] + (0..<2).map { _ in .random(in: 0..<Posting.termLimit, using: &generator) })
        }
        let summary = summary(of: rows)
        #expect(Array(UnsafeBufferPointer(start: summary.postings, count: summary.postingCount)) == postings(rows))
        #expect(!summary.hasUnknownTerm)
    }

    @Test("A number that no posting can hold is noticed", arguments: [-1, Posting.termLimit])
    func unknownTerm(term: Int64) {
        let summary = summary(of: [Row(kind: .userRegistered, values: [1, 0, term, 7])])
        #expect(summary.hasUnknownTerm)
        #expect(summary.postingCount == 1)
    }

    @Test func removeAllLeavesNothing() {
        var generator = SeededGenerator.announced("removal from sums")
        let summary = summary(of: rows(500, &generator))
        summary.removeAll()
        summary.sort()
        #expect(summary.rows == 0 && summary.minutes.isEmpty && summary.failures.isEmpty && summary.postingCount == 0)
        #expect((0..<SegmentSummary.sizeCount).allSatisfy { summary.sizes[$0] == 0 })
    }
}

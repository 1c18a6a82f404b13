import MetricsModel

/// Seals segments: writes what `Segment` draws, in the transaction that is open. Undoes and amends seals, too, for those
/// who remove rows.
final class SegmentSealer {
    private let connection: Connection
    private let insertSegment: Statement
    private let insertMinute: Statement
    private let insertSize: Statement
    private let insertFailure: Statement
    private let insertPosting: Statement
    private let scan: SegmentScan

    init(_ connection: Connection) throws(LogError) {
        self.connection = connection
        insertSegment = try connection.prepare("INSERT INTO segment VALUES (?, ?, ?)", operation: "write")
        var places = "?, ?"
        for _ in 0..<MinuteColumn.count { places += ", ?" }
        insertMinute = try connection.prepare("INSERT INTO segment_minute VALUES (\(places))", operation: "write")
        insertSize = try connection.prepare("INSERT INTO segment_size VALUES (?, ?, ?, ?)", operation: "write")
        insertFailure = try connection.prepare("INSERT INTO segment_failure VALUES (?, ?, ?)", operation: "write")
        insertPosting = try connection.prepare("INSERT INTO posting VALUES (?, ?)", operation: "write")
        scan = SegmentScan(connection)
    }

    /// Seals a segment from its rows.
    func sealFromRows(_ segment: Int64) throws(LogError) {
        let summary = SegmentSummary(keepsPairs: true)
        try scan.add(ids: Segment.firstID(segment)..<Segment.endID(segment), to: summary)
        try seal(segment, summary)
    }

    /// - Parameter summary: of every row that the segment has; it is sorted by this.
    func seal(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) {
        guard segment < Posting.segmentLimit, !summary.hasStrangeSubject, summary.rows > 0 else { return }
        summary.sort()
        insertSegment.bind(segment, at: 1)
        insertSegment.bind(summary.firstTime, at: 2)
        insertSegment.bind(summary.lastTime, at: 3)
        try insertSegment.run(operation: "write")
        for minute in summary.minutes {
            insertMinute.bind(segment, at: 1)
            insertMinute.bind(minute.minute, at: 2)
            for column in 0..<MinuteColumn.count { insertMinute.bind(minute.sums[column], at: 3 + column) }
            try insertMinute.run(operation: "write")
        }
        for index in 0..<SegmentSummary.sizeCount where summary.sizes[index] != 0 {
            insertSize.bind(segment, at: 1)
            insertSize.bind(Int64(index / SizeBucket.count), at: 2)
            insertSize.bind(Int64(index % SizeBucket.count), at: 3)
            insertSize.bind(summary.sizes[index], at: 4)
            try insertSize.run(operation: "write")
        }
        for (reason, count) in summary.failures {
            insertFailure.bind(segment, at: 1)
            insertFailure.bind(reason, at: 2)
            insertFailure.bind(count, at: 3)
            try insertFailure.run(operation: "write")
        }
        try insertPostings(segment, summary)
    }

    private func insertPostings(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) {
        var block = PostingBlockWriter()
        defer { block.deallocate() }
        let pairs = summary.pairs
        var index = 0
        while index < summary.pairCount {
            // The pairs of one list and subject.
            let subject = pairs[index] >> 16
            var end = index &+ 1
            while end < summary.pairCount, pairs[end] >> 16 == subject { end &+= 1 }
            let isNewList = index == 0 || Posting.list(ofPair: pairs[index]) != Posting.list(ofPair: pairs[index - 1])
            if isNewList { try begin(&block, segment, pairs[index]) }
            while index < end {
                let added = block.add(pairs + index, count: end - index)
                index += added
                if added == 0 { try begin(&block, segment, pairs[index]) }
            }
        }
        try insert(block)
    }

    private func begin(
        _ block: inout PostingBlockWriter, _ segment: Int64, _ pair: UInt64
    ) throws(LogError) {
        try insert(block)
        block.begin(segment: segment, pair: pair)
    }

    private func insert(_ block: PostingBlockWriter) throws(LogError) {
        guard block.count > 0 else { return }
        insertPosting.bind(block.key, at: 1)
        insertPosting.bind(blob: block.bytes, at: 2)
        try insertPosting.run(operation: "write")
    }

    /// Takes the seals off some segments: from now on their rows are read.
    func unseal(_ segments: Range<Int64>) throws(LogError) {
        let keys = Posting.keys(ofSegments: segments.lowerBound, to: segments.upperBound)
        try connection.execute(
            "DELETE FROM posting WHERE key >= \(keys.first) AND key < \(keys.end)", operation: "write")
        for table in ["segment", "segment_minute", "segment_size", "segment_failure"] {
            try connection.execute(
                "DELETE FROM \(table) WHERE segment >= \(segments.lowerBound) AND segment < \(segments.upperBound)",
                operation: "write")
        }
    }
}

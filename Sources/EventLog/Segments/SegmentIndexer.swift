import MetricsModel

/// Indexes segments: writes the tables that `Segment` describes, in the open transaction. Also discards and amends indexes, for
/// code that removes rows.
final class SegmentIndexer {
    private let database: Database
    private let insert: Inserts
    private let scan: SegmentScan

    /// One statement for each table that an index has rows in.
    private struct Inserts {
        let segment: Statement
        let minute: Statement
        let size: Statement
        let failure: Statement
        let posting: Statement

        init(_ database: Database) throws(LogError) {
            segment = try database.prepare("INSERT INTO segment VALUES (?, ?, ?)", operation: "write")
            var places = "?, ?"
            for _ in 0..<MinuteColumn.count { places += ", ?" }
            minute = try database.prepare("INSERT INTO segment_minute VALUES (\(places))", operation: "write")
            size = try database.prepare("INSERT INTO segment_size VALUES (?, ?, ?, ?)", operation: "write")
            failure = try database.prepare("INSERT INTO segment_failure VALUES (?, ?, ?)", operation: "write")
            posting = try database.prepare("INSERT INTO posting VALUES (?, ?)", operation: "write")
        }
    }

    convenience init(_ database: Database) throws(LogError) {
        self.init(database, insert: try Inserts(database))
    }

    private init(_ database: Database, insert: Inserts) {
        self.database = database
        self.insert = insert
        scan = SegmentScan(database)
    }

    /// Indexes a segment from its rows.
    ///
    /// - Parameter rowCheck: the known sum of the rows; nil to take them as they are.
    func indexFromRows(_ segment: Int64, rowCheck: UInt64?) throws(LogError) {
        let summary = SegmentSummary(keepsPostings: true)
        try scan.add(ids: Segment.firstID(segment)..<Segment.endID(segment), to: summary)
        try index(segment, summary, rowCheck: rowCheck ?? summary.rowCheck)
    }

    /// - Parameter summary: covers every row that the segment has; this call sorts it.
    func index(_ segment: Int64, _ summary: SegmentSummary, rowCheck: UInt64) throws(LogError) {
        try RowCheck.write(rowCheck, of: segment, in: database)
        guard segment < Posting.segmentLimit, !summary.hasUnknownTerm, summary.rows > 0 else { return }
        summary.sort()
        insert.segment.bind(segment, at: 1)
        insert.segment.bind(summary.firstTime, at: 2)
        insert.segment.bind(summary.lastTime, at: 3)
        try insert.segment.run(operation: "write")
        for minute in summary.minutes {
            insert.minute.bind(segment, at: 1)
            insert.minute.bind(minute.minute, at: 2)
            for column in 0..<MinuteColumn.count { insert.minute.bind(minute.sums[column], at: 3 + column) }
            try insert.minute.run(operation: "write")
        }
        for index in 0..<SegmentSummary.sizeCount where summary.sizes[index] != 0 {
            insert.size.bind(segment, at: 1)
            insert.size.bind(Int64(index / SizeBucket.count), at: 2)
            insert.size.bind(Int64(index % SizeBucket.count), at: 3)
            insert.size.bind(summary.sizes[index], at: 4)
            try insert.size.run(operation: "write")
        }
        for (reason, count) in summary.failures {
            insert.failure.bind(segment, at: 1)
            insert.failure.bind(reason, at: 2)
            insert.failure.bind(count, at: 3)
            try insert.failure.run(operation: "write")
        }
        try insertPostings(segment, summary)
    }

    private func insertPostings(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) {
        var block = PostingBlockWriter()
        let postings = summary.postings
        var index = 0
        while index < summary.postingCount {
            // The postings of one list and term.
            let term = postings[index] >> 16
            var end = index &+ 1
            while end < summary.postingCount, postings[end] >> 16 == term { end &+= 1 }
            let isNewList = index == 0 || Posting.list(of: postings[index]) != Posting.list(of: postings[index - 1])
            if isNewList { try begin(&block, segment, postings[index]) }
            while index < end {
                let added = block.add(postings + index, count: end - index)
                index += added
                if added == 0 { try begin(&block, segment, postings[index]) }
            }
        }
        try write(block)
    }

    private func begin(
        _ block: inout PostingBlockWriter, _ segment: Int64, _ posting: UInt64
    ) throws(LogError) {
        try write(block)
        block.begin(segment: segment, posting: posting)
    }

    private func write(_ block: borrowing PostingBlockWriter) throws(LogError) {
        guard block.count > 0 else { return }
        insert.posting.bind(block.key, at: 1)
        insert.posting.bind(blob: block.bytes, at: 2)
        try insert.posting.run(operation: "write")
    }

    /// Discards the indexes of some segments: from now on their rows are read.
    func discardIndex(_ segments: Range<Int64>) throws(LogError) {
        // Beyond the limit nothing is indexed, and a posting's key would be another segment's.
        guard segments.lowerBound >= 0, segments.upperBound <= Posting.segmentLimit else { return }
        let keys = Posting.keys(ofSegments: segments.lowerBound, to: segments.upperBound)
        try database.execute(
            "DELETE FROM posting WHERE key >= \(keys.first) AND key < \(keys.end)", operation: "write")
        try RowCheck.remove(segments, in: database)
        for table in ["segment", "segment_minute", "segment_size", "segment_failure"] {
            try database.execute(
                "DELETE FROM \(table) WHERE segment >= \(segments.lowerBound) AND segment < \(segments.upperBound)",
                operation: "write")
        }
    }

    // MARK: Amending

    /// Subtracts removed rows from an indexed segment's index. The times stay as they are: no event is outside of them.
    ///
    /// - Parameter removed: covers the removed rows; this call sorts it.
    func subtract(_ removed: SegmentSummary, from segment: Int64) throws(LogError) {
        removed.sort()
        if let sum = try RowCheck.read(segment, in: database) {
            try RowCheck.write(sum &- removed.rowCheck, of: segment, in: database)
        }
        for minute in removed.minutes {
            var sets = ""
            for column in MinuteColumn.allCases {
                sets += (column.rawValue == 0 ? "" : ", ") + "\(column.name) = ?\(column.rawValue + 1)"
            }
            // Sums of sizes may wrap, as the rows' own numbers may; sums made by SQLite would turn into floating point.
            let select = try database.prepare(
                "SELECT * FROM segment_minute WHERE segment = \(segment) AND minute = \(minute.minute)",
                operation: "write")
            guard try select.step(operation: "write") else { continue }
            let update = try database.prepare(
                "UPDATE segment_minute SET \(sets) WHERE segment = \(segment) AND minute = \(minute.minute)",
                operation: "write")
            for column in 0..<MinuteColumn.count {
                let left = select.integer(Int32(truncatingIfNeeded: column + 2)) &- minute.sums[column]
                update.bind(left, at: column + 1)
            }
            select.reset()
            try update.run(operation: "write")
        }
        for index in 0..<SegmentSummary.sizeCount where removed.sizes[index] != 0 {
            try database.execute(
                """
                UPDATE segment_size SET count = count - \(removed.sizes[index]) WHERE segment = \(segment)
                    AND measure = \(index / SizeBucket.count) AND bucket = \(index % SizeBucket.count)
                """, operation: "write")
        }
        for (reason, count) in removed.failures {
            try database.execute(
                "UPDATE segment_failure SET count = count - \(count) WHERE segment = \(segment) AND reason = \(reason)",
                operation: "write")
        }
        try database.execute(
            """
            DELETE FROM segment_size WHERE segment = \(segment) AND count = 0;
            DELETE FROM segment_minute WHERE segment = \(segment) AND \(Self.isEmptyMinute);
            """, operation: "write")
        try subtractPostings(removed, from: segment)
    }

    private static var isEmptyMinute: String {
        var text = ""
        for kind in EventKind.allCases {
            text += (kind.rawValue == 0 ? "" : " AND ") + "\(MinuteColumn.events(kind).name) = 0"
        }
        return text
    }

    /// Rewrites every block that holds one of the postings: looks each term up, as a query would.
    private func subtractPostings(_ removed: SegmentSummary, from segment: Int64) throws(LogError) {
        let blocks = try PostingBlocks(database)
        let update = try database.prepare("UPDATE posting SET entries = ? WHERE key = ?", operation: "write")
        let delete = try database.prepare("DELETE FROM posting WHERE key = ?", operation: "write")
        var block = PostingBlockWriter()
        let gone = UnsafeBufferPointer(start: removed.postings, count: removed.postingCount)
        var index = 0
        while index < gone.count {
            let posting = gone[index]
            while index < gone.count, gone[index] >> 16 == posting >> 16 { index += 1 }
            var changed: [(key: Int64, entries: [UInt8])] = []
            try blocks.read(
                segment: segment, list: Posting.list(of: posting), term: Posting.term(of: posting)
            ) { key, bytes in
                if Self.rewrite(bytes, key, without: gone, into: &block) {
                    changed.append((key: key, entries: [UInt8](block.bytes)))
                }
            }
            for entry in changed {
                let statement = entry.entries.isEmpty ? delete : update
                if !entry.entries.isEmpty { statement.bind(blob: entry.entries, at: 1) }
                statement.bind(entry.key, at: entry.entries.isEmpty ? 1 : 2)
                try statement.run(operation: "write")
            }
        }
    }

    /// - Returns: whether the block held any of the postings, and so has changed.
    private static func rewrite(
        _ bytes: UnsafeRawBufferPointer, _ key: Int64, without gone: UnsafeBufferPointer<UInt64>,
        into block: inout PostingBlockWriter
    ) -> Bool {
        var kept: [UInt64] = []
        var isChanged = false
        var cursor = PostingCursor(bytes, key: key)
        while cursor.next() {
            for index in 0..<cursor.count {
                let posting = Posting.posting(
                    list: Posting.list(ofKey: key), term: cursor.term, id: cursor.place(index))
                if contains(gone, posting) { isChanged = true } else { kept.append(posting) }
            }
        }
        guard isChanged else { return false }
        block.begin(key: key)
        kept.withUnsafeBufferPointer { kept in
            var index = 0
            while index < kept.count {
                var end = index + 1
                while end < kept.count, kept[end] >> 16 == kept[index] >> 16 { end += 1 }
                // What is left of a block fits in it.
                _ = block.add(kept.baseAddress.unsafelyUnwrapped + index, count: end - index, whole: true)
                index = end
            }
        }
        return true
    }

    private static func contains(_ sorted: UnsafeBufferPointer<UInt64>, _ posting: UInt64) -> Bool {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < posting { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low] == posting
    }
}

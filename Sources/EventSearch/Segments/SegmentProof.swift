import EventLog
import MetricsModel

/// Checks indexes against rows: adds up the rows of every indexed segment again, and compares.
struct SegmentProof {
    private let database: Database
    private let scan: SegmentScan
    private let minutes: Statement
    private let sizes: Statement
    private let failures: Statement
    private let postings: Statement

    init(_ database: Database) throws(LogError) {
        self.database = database
        scan = SegmentScan(database)
        minutes = try database.prepare("SELECT * FROM segment_minute WHERE segment = ? ORDER BY minute")
        sizes = try database.prepare("SELECT measure, bucket, count FROM segment_size WHERE segment = ?")
        failures = try database.prepare("SELECT reason, count FROM segment_failure WHERE segment = ?")
        postings = try database.prepare(
            "SELECT key, entries FROM posting WHERE key >= ? AND key < ? ORDER BY key")
    }

    /// What a few segments showed.
    private struct Part: Sendable {
        var segments = 0
        var problems: [String] = []
        var names: KnownNames
    }

    /// Segments that a thread checks at once.
    private static let segmentsAtOnce = 4

    /// Where the rows differ from their checksums, where indexes and statistics differ from the rows, and which names rows refer
    /// to but the log lacks, in words; empty if nothing is wrong. All of it as of the open transaction's snapshot.
    ///
    /// - Parameter log: the reader whose transaction it is.
    /// - Parameter progress: called with the number of segments done and the number of all segments.
    static func problems(_ log: EventLogReader, progress: (Int, Int) -> Void = { _, _ in }) throws(LogError) -> [String] {
        let known = try KnownNames(log.database)
        let spans = try SegmentMap(log.database).spans
        let count = (spans.count + segmentsAtOnce - 1) / segmentsAtOnce
        var whole = Part(names: known)
        progress(0, spans.count)
        func add(_ part: Part) {
            whole.segments += part.segments
            whole.problems += part.problems
            whole.names.add(part.names)
            progress(whole.segments, spans.count)
        }
        let helpers = count > 1 ? log.helpersInTransaction() : []
        let team = ReaderTeam<Part>.start(helpers, pieces: count) { (log, piece, deliver) throws(LogError) in
            _ = deliver(try part(piece, of: spans, known, log.database))
        }
        if let team {
            while let part = try team.next() { add(part) }
        } else {
            for piece in 0..<count { add(try part(piece, of: spans, known, log.database)) }
        }
        let proof = try SegmentProof(log.database)
        var problems = whole.problems
        problems += try proof.unindexedRowProblems(SegmentSummary(keepsPostings: true))
        problems += try whole.names.problems(log.database)
        let stray = try log.database.integer(
            "SELECT count(*) FROM segment_minute WHERE segment NOT IN (SELECT segment FROM segment)")
        if let stray, stray > 0 { problems.append("\(stray) minutes belong to no indexed segment") }
        return problems
    }

    private static func part(
        _ piece: Int, of spans: [SegmentMap.Span], _ known: KnownNames, _ database: Database
    ) throws(LogError) -> Part {
        let proof = try SegmentProof(database)
        let summary = SegmentSummary(keepsPostings: true)
        var part = Part(names: known)
        for span in spans.dropFirst(piece * segmentsAtOnce).prefix(segmentsAtOnce) {
            try proof.check(span, summary, &part)
            part.segments += 1
        }
        return part
    }

    private func check(_ span: SegmentMap.Span, _ summary: SegmentSummary, _ part: inout Part) throws(LogError) {
        guard span.isIndexed else { return try part.names.readRows(of: span.segment, in: database) }
        summary.removeAll()
        try scan.add(ids: Segment.firstID(span.segment)..<Segment.endID(span.segment), to: summary)
        summary.sort()
        if summary.hasUnknownTerm {
            try part.names.readRows(of: span.segment, in: database)
        } else {
            part.names.check(summary)
        }
        if let problem = try rowProblem(span.segment, summary) { part.problems.append(problem) }
        let wrong = try wrongParts(span, summary)
        guard !wrong.isEmpty else { return }
        part.problems.append(
            "segment \(span.segment): \(wrong.joined(separator: ", ")) differ from the rows: run qpc-metrics rebuild")
    }

    /// Reports rows that are not as they were written; nil if they are, or if the log cannot tell.
    private func rowProblem(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) -> String? {
        guard try RowCheck.isKept(in: database), let sum = try RowCheck.read(segment, in: database), sum != summary.rowCheck
        else { return nil }
        let (first, last) = (Segment.firstID(segment), Segment.endID(segment) - 1)
        return "rows with ids \(first) to \(last) differ from their checksum: at least one changed, came or went at rest"
    }

    /// For the newest segment, and any other that has a checksum but no index.
    private func unindexedRowProblems(_ summary: SegmentSummary) throws(LogError) -> [String] {
        guard try RowCheck.isKept(in: database) else { return [] }
        var segments: [Int64] = []
        let query = try database.prepare("SELECT segment FROM row_check WHERE segment NOT IN (SELECT segment FROM segment)")
        while try query.step() { segments.append(query.integer(0)) }
        var problems: [String] = []
        for segment in segments where segment >= 0 && segment < Segment.idLimit >> Segment.idBits {
            summary.removeAll()
            try scan.add(ids: Segment.firstID(segment)..<Segment.endID(segment), to: summary)
            if let problem = try rowProblem(segment, summary) { problems.append(problem) }
        }
        return problems
    }

    private func wrongParts(_ span: SegmentMap.Span, _ summary: SegmentSummary) throws(LogError) -> [String] {
        var wrong: [String] = []
        if summary.rows > 0, summary.firstTime < span.firstTime || summary.lastTime > span.lastTime {
            wrong.append("times")
        }
        if try !minutesAreRight(span.segment, summary) { wrong.append("minutes") }
        if try !sizesAreRight(span.segment, summary) { wrong.append("sizes") }
        if try !failuresAreRight(span.segment, summary) { wrong.append("failures") }
        if try !postingsAreRight(span.segment, summary) { wrong.append("postings") }
        return wrong
    }

    private func minutesAreRight(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) -> Bool {
        minutes.bind(segment, at: 1)
        defer { minutes.reset() }
        var index = 0
        while try minutes.step() {
            guard index < summary.minutes.count, summary.minutes[index].minute == minutes.integer(1) else { return false }
            for column in 0..<MinuteColumn.count
            where summary.minutes[index].sums[column] != minutes.integer(Int32(column + 2)) { return false }
            index += 1
        }
        return index == summary.minutes.count
    }

    private func sizesAreRight(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) -> Bool {
        sizes.bind(segment, at: 1)
        defer { sizes.reset() }
        var known = 0
        while try sizes.step() {
            let index = Int(sizes.integer(0)) * SizeBucket.count + Int(sizes.integer(1))
            guard index >= 0, index < SegmentSummary.sizeCount, summary.sizes[index] == sizes.integer(2) else {
                return false
            }
            known += 1
        }
        return known == (0..<SegmentSummary.sizeCount).count { summary.sizes[$0] != 0 }
    }

    private func failuresAreRight(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) -> Bool {
        failures.bind(segment, at: 1)
        defer { failures.reset() }
        var left = summary.failures.filter { $0.value != 0 }
        while try failures.step() {
            guard failures.integer(1) != 0 else { continue }
            guard left.removeValue(forKey: failures.integer(0)) == failures.integer(1) else { return false }
        }
        return left.isEmpty
    }

    private func postingsAreRight(_ segment: Int64, _ summary: SegmentSummary) throws(LogError) -> Bool {
        let keys = Posting.keys(ofSegments: segment, to: segment + 1)
        postings.bind(keys.first, at: 1)
        postings.bind(keys.end, at: 2)
        defer { postings.reset() }
        var index = 0
        var isRight = true
        while try postings.step(), isRight {
            let key = postings.integer(0)
            postings.withBytes(1) { bytes in
                var cursor = PostingCursor(bytes, key: key)
                while cursor.next() {
                    for place in 0..<cursor.count {
                        let posting = Posting.posting(
                            list: Posting.list(ofKey: key), term: cursor.term, id: cursor.place(place))
                        isRight = isRight && index < summary.postingCount && summary.postings[index] == posting
                        index += 1
                    }
                }
            }
        }
        return isRight && index == summary.postingCount
    }
}

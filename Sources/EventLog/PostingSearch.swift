/// Reads the blocks in which a subject's postings are.
final class PostingBlocks {
    private let statement: Statement

    convenience init(_ connection: Connection) throws(LogError) {
        // The block that begins with the subject or before it, and those in which it goes on.
        self.init(
            try connection.prepare(
                """
                SELECT key, entries FROM posting
                WHERE key >= coalesce((SELECT max(key) FROM posting WHERE key >= ?1 AND key <= ?2), ?2) AND key < ?3
                ORDER BY key
                """))
    }

    private init(_ statement: Statement) { self.statement = statement }

    /// Hands over key and entries of each block that may hold the subject; others' entries are in it too.
    func read(
        segment: Int64, list: UInt8, subject: Int64, _ body: (Int64, UnsafeRawBufferPointer) -> Void
    ) throws(LogError) {
        guard segment < Posting.segmentLimit, subject >= 0, subject < Posting.subjectLimit else { return }
        // A subject that begins inside the block of a smaller one ends there or goes on in blocks of its own.
        statement.bind(Posting.key(segment: segment, list: list, subject: 0, part: 0), at: 1)
        statement.bind(Posting.key(segment: segment, list: list, subject: subject, part: 0) - 1, at: 2)
        statement.bind(Posting.key(segment: segment, list: list, subject: subject + 1, part: 0), at: 3)
        defer { statement.reset() }
        while try statement.step() {
            let key = statement.integer(0)
            statement.withBytes(1) { body(key, $0) }
        }
    }
}

/// Finds a subject's postings.
final class PostingSearch {
    private let blocks: PostingBlocks

    convenience init(_ connection: Connection) throws(LogError) { self.init(try PostingBlocks(connection)) }

    private init(_ blocks: PostingBlocks) { self.blocks = blocks }

    /// Hands over the ids of a segment's rows that name a subject, rising.
    func find(
        segment: Int64, list: Posting.List, subject: Int64, _ body: (Int64) -> Void
    ) throws(LogError) {
        let base = Segment.firstID(segment)
        try blocks.read(segment: segment, list: list.rawValue, subject: subject) { key, bytes in
            var cursor = PostingCursor(bytes, key: key)
            while cursor.next(), cursor.subject <= subject {
                guard cursor.subject == subject else { continue }
                for index in 0..<cursor.count { body(base + cursor.place(index)) }
            }
        }
    }
}

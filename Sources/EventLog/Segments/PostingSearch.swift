/// Reads the blocks that hold a term's postings.
package final class PostingBlocks {
    private let statement: Statement

    package convenience init(_ database: Database) throws(LogError) {
        // The last block that begins before the term, and those that begin with it.
        self.init(
            try database.prepare(
                """
                SELECT key, entries FROM posting
                WHERE key >= coalesce((SELECT max(key) FROM posting WHERE key >= ?1 AND key <= ?2), ?2) AND key < ?3
                ORDER BY key
                """))
    }

    private init(_ statement: Statement) { self.statement = statement }

    /// Passes on the key and entries of each block that may hold the term; other terms' entries are in it too.
    package func read(
        segment: Int64, list: UInt8, term: Int64, _ body: (Int64, UnsafeRawBufferPointer) -> Void
    ) throws(LogError) {
        guard segment < Posting.segmentLimit, term >= 0, term < Posting.termLimit else { return }
        // A term that begins inside the block of a smaller one ends there or continues in blocks of its own.
        statement.bind(Posting.key(segment: segment, list: list, term: 0, part: 0), at: 1)
        statement.bind(Posting.key(segment: segment, list: list, term: term, part: 0) - 1, at: 2)
        statement.bind(Posting.key(segment: segment, list: list, term: term + 1, part: 0), at: 3)
        defer { statement.reset() }
        while try statement.step() {
            let key = statement.integer(0)
            statement.withBytes(1) { body(key, $0) }
        }
    }
}

/// Finds a term's postings.
package final class PostingSearch {
    private let blocks: PostingBlocks

    package convenience init(_ database: Database) throws(LogError) { self.init(try PostingBlocks(database)) }

    private init(_ blocks: PostingBlocks) { self.blocks = blocks }

    /// Passes on the ids of a segment's rows that name a term, in ascending order.
    package func find(
        segment: Int64, list: Posting.List, term: Int64, _ body: (Int64) -> Void
    ) throws(LogError) {
        let base = Segment.firstID(segment)
        try blocks.read(segment: segment, list: list.rawValue, term: term) { key, bytes in
            var cursor = PostingCursor(bytes, key: key)
            while cursor.next(), cursor.term <= term {
                guard cursor.term == term else { continue }
                for index in 0..<cursor.count { body(base + cursor.place(index)) }
            }
        }
    }
}

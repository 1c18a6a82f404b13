import MetricsModel
import TestSupport
import Testing

@testable import EventLog

/// Postings into blocks and back.
@Suite struct PostingTests {
    private struct Block {
        var key: Int64
        var bytes: [UInt8]
    }

    private struct Entry: Equatable {
        var list: UInt8
        var term: Int64
        var offset: Int64
    }

    /// As `SegmentIndexer` writes them.
    private func blocks(_ postings: [UInt64], segment: Int64 = 5) -> [Block] {
        var blocks: [Block] = []
        var writer = PostingBlockWriter()
        func keep(_ writer: borrowing PostingBlockWriter) {
            if writer.count > 0 { blocks.append(Block(key: writer.key, bytes: Array(writer.bytes))) }
        }
        postings.withUnsafeBufferPointer { postings in
            var index = 0
            while index < postings.count {
                var end = index + 1
                while end < postings.count, postings[end] >> 16 == postings[index] >> 16 { end += 1 }
                if index == 0 || Posting.list(of: postings[index]) != Posting.list(of: postings[index - 1]) {
                    keep(writer)
                    writer.begin(segment: segment, posting: postings[index])
                }
                while index < end {
                    let added = writer.add(postings.baseAddress! + index, count: end - index)
                    index += added
                    if added == 0 {
                        keep(writer)
                        writer.begin(segment: segment, posting: postings[index])
                    }
                }
            }
        }
        keep(writer)
        return blocks
    }

    private func entries(_ blocks: [Block]) -> [Entry] {
        var entries: [Entry] = []
        for block in blocks {
            block.bytes.withUnsafeBytes { bytes in
                var cursor = PostingCursor(bytes, key: block.key)
                while cursor.next() {
                    for index in 0..<cursor.count {
                        entries.append(
                            Entry(list: Posting.list(ofKey: block.key), term: cursor.term, offset: cursor.place(index)))
                    }
                }
            }
        }
        return entries
    }

    private func postings(list: UInt8 = 1, term: Int64, count: Int) -> [UInt64] {
        (0..<count).map { Posting.posting(list: list, term: term, id: Int64($0 * 3)) }
    }

    private func expectRoundTrip(_ postings: [UInt64]) -> [Block] {
        let blocks = blocks(postings)
        let expected = postings.map {
            Entry(list: Posting.list(of: $0), term: Posting.term(of: $0), offset: Posting.place(of: $0))
        }
        #expect(entries(blocks) == expected)
        #expect(blocks.allSatisfy { $0.bytes.count <= Posting.blockBytes && Posting.segment(ofKey: $0.key) == 5 })
        #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $0.key < $1.key }, "keys rise")
        return blocks
    }

    @Test("What goes into a block comes out of it", arguments: [0, 1, 2, 63, 64, 65, 127, 128, 2000])
    func roundTrip(count: Int) {
        let blocks = expectRoundTrip(postings(term: 7, count: count))
        #expect(blocks.count == (count == 0 ? 0 : 1))
    }

    @Test func theSmallestAndTheLargestNumbersFit() {
        let last = Segment.ids - 1
        let edges = [0, 1, 127, 128, Posting.termLimit - 1].flatMap { term in
            [Int64(0), 255, 256, last].map { Posting.posting(list: 11, term: term, id: $0) }
        }
        #expect(expectRoundTrip(edges).count == 1)
    }

    @Test func aTermThatFillsManyBlocksIsNumberedThroughThem() {
        let blocks = expectRoundTrip(postings(term: 300, count: 20_000))
        #expect(blocks.count == 20_000 / 2016 + 1)
        #expect(blocks.map { $0.key & 63 } == (0..<Int64(blocks.count)).map { $0 })
        #expect(blocks.allSatisfy { Posting.term(ofKey: $0.key) == 300 })
    }

    /// The first term leaves less and less room for the next one, of which 64 postings stay together.
    @Test func aBlockIsFilledToItsEdgeAndNoFurther() {
        for count in 1930...2016 {
            let blocks = expectRoundTrip(postings(term: 1, count: count) + postings(term: 2, count: 70))
            let room = (Posting.blockBytes - (2 * count + 3) - 8) / 2
            let added = entries([blocks[0]]).count - count
            #expect(added == (room >= 64 ? min(room, 70) : 0), "\(count)")
            #expect(blocks.count == (added == 70 ? 1 : 2), "\(count)")
        }
    }

    @Test func eachListBeginsABlock() {
        let blocks = expectRoundTrip(Posting.List.allCases.flatMap { postings(list: $0.rawValue, term: 1, count: 2) })
        #expect(blocks.map { Posting.list(ofKey: $0.key) } == Posting.List.allCases.map(\.rawValue))
    }

    @Test func anyPostingsComeBack() {
        var generator = SeededGenerator.announced("postings")
        for _ in 0..<30 {
            var any: Set<UInt64> = []
            let terms = Int64.random(in: 1...3000, using: &generator)
            for _ in 0..<Int.random(in: 1...20_000, using: &generator) {
                any.insert(
                    Posting.posting(
                        list: UInt8.random(in: 0...11, using: &generator), term: .random(in: 0..<terms, using: &generator),
                        id: .random(in: 0..<Segment.ids, using: &generator)))
            }
            _ = expectRoundTrip(any.sorted())
        }
    }

    @Test func theCursorEndsAtAnEntryThatCannotBe() {
        let block = blocks(postings(term: 7, count: 10))[0]
        for length in 0..<block.bytes.count {
            #expect(entries([Block(key: block.key, bytes: Array(block.bytes.prefix(length)))]).isEmpty, "\(length) bytes")
        }
        #expect(entries([Block(key: block.key, bytes: [0, 0])]).isEmpty, "a count of none")
        let endless = [UInt8](repeating: 0xFF, count: 40)
        #expect(entries([Block(key: block.key, bytes: endless)]).isEmpty, "a number without an end")
    }

    @Test("Each kind's names have one list, and failed logins one more")
    func lists() {
        for kind in EventKind.allCases {
            for names in NameKind.allCases where names != .reason {
                let lists = Posting.List.allCases.filter { $0.kind == kind && $0.names == names && !$0.isPart }
                #expect(lists.count == (kind.columns(naming: names).isEmpty ? 0 : 1), "\(kind), \(names)")
            }
        }
        #expect(Posting.List.allCases.filter(\.isPart) == [.failedUser])
    }
}

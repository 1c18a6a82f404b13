import TestSupport
import Testing

@testable import EventLog

@Suite struct InternCacheTests {
    private static let key = (0..<40).map { [UInt8]("key \($0)".utf8) }

    private func insert(_ key: [UInt8], _ id: Int64, into cache: inout InternCache, hash: UInt64? = nil) {
        key.withUnsafeBytes { cache.insert($0, hash: hash ?? cache.hash($0), id: id, note: id * 10) }
    }

    /// The id of a key, or nil.
    private func find(_ key: [UInt8], in cache: borrowing InternCache, hash: UInt64? = nil) -> Int64? {
        key.withUnsafeBytes { bytes in
            let bucket = cache.find(bytes, hash: hash ?? cache.hash(bytes))
            guard bucket >= 0 else { return nil }
            #expect(cache.note(at: bucket) == cache.id(at: bucket) * 10)
            return cache.id(at: bucket)
        }
    }

    @Test("Keys of every length up to the longest are found", arguments: [0, 1, 7, 8, 9, 31, 32])
    func lengths(count: Int) {
        var cache = InternCache(places: 16, stride: 32, seed: 1)
        let key = [UInt8](repeating: 0xA5, count: count)
        #expect(find(key, in: cache) == nil)
        insert(key, 3, into: &cache)
        #expect(find(key, in: cache) == 3)
        #expect(find(key + [0], in: cache) == nil)
        if count > 0 {
            #expect(find(Array(key.dropLast()), in: cache) == nil)
            for index in 0..<count {
                var other = key
                other[index] ^= 1
                #expect(find(other, in: cache, hash: key.withUnsafeBytes { cache.hash($0) }) == nil, "byte \(index)")
            }
        }
    }

    @Test func aKeyThatIsTooLongIsNotKept() {
        var cache = InternCache(places: 16, stride: 8, seed: 1)
        insert([UInt8](repeating: 1, count: 9), 1, into: &cache)
        #expect(find([UInt8](repeating: 1, count: 9), in: cache) == nil)
    }

    /// All hashes equal: one chain, which wraps around the end of the table.
    @Test func keysThatCollideAreAllFound() {
        let hash = UInt64(14) << 20 | 1
        var cache = InternCache(places: 16, stride: 32, seed: 1)
        for index in 0..<12 { insert(Self.key[index], Int64(index + 1), into: &cache, hash: hash) }
        for index in 0..<12 { #expect(find(Self.key[index], in: cache, hash: hash) == Int64(index + 1)) }
        #expect(find(Self.key[12], in: cache, hash: hash) == nil)
    }

    @Test func aRemovalLeavesTheRestOfItsChain() {
        let hash = UInt64(14) << 20 | 1
        var cache = InternCache(places: 16, stride: 32, seed: 1)
        for index in 0..<6 { insert(Self.key[index], Int64(index + 1), into: &cache, hash: hash) }
        cache.remove { $0 == 1 || $0 == 4 }
        #expect((0..<6).map { find(Self.key[$0], in: cache, hash: hash) } == [nil, 2, 3, nil, 5, 6])
        insert(Self.key[0], 9, into: &cache, hash: hash)
        #expect(find(Self.key[0], in: cache, hash: hash) == 9)
    }

    @Test func aFullCacheBeginsAgain() {
        var cache = InternCache(places: 16, stride: 32, seed: 1)
        for index in 0..<12 { insert(Self.key[index], Int64(index + 1), into: &cache) }
        #expect((0..<12).allSatisfy { find(Self.key[$0], in: cache) == Int64($0 + 1) })
        insert(Self.key[12], 13, into: &cache)
        #expect((0..<12).allSatisfy { find(Self.key[$0], in: cache) == nil })
        #expect(find(Self.key[12], in: cache) == 13)
    }

    @Test func itAgreesWithADictionary() {
        var generator = SeededGenerator.announced("intern cache")
        var cache = InternCache(places: 1024, stride: 16, seed: generator.next())
        var known: [[UInt8]: Int64] = [:]
        for id in Int64(1)...20_000 {
            let key = [UInt8]("\(Int.random(in: 0..<1500, using: &generator))".utf8)
            if let found = find(key, in: cache) {
                #expect(found == known[key])
            } else {
                insert(key, id, into: &cache)
                known[key] = id
            }
            if id % 5000 == 0 {
                cache.remove { $0 % 3 == 0 }
                #expect(known.allSatisfy { $0.value % 3 != 0 || find($0.key, in: cache) != $0.value })
            }
        }
    }
}

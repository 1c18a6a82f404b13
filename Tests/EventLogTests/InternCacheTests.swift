import Pseudonyms
import TestSupport
import Testing

@testable import EventLog

@Suite struct InternCacheTests {
    private static let key = (0..<40).map { [UInt8]("key \($0)".utf8) }
    private let hashKey = NameHashKey()

    private func hash(_ key: [UInt8]) -> NameHash { key.withUnsafeBytes { hashKey.hash($0) } }

    private func insert(_ key: [UInt8], _ id: Int64, into cache: inout InternCache, hash: NameHash? = nil) {
        cache.insert(hash ?? self.hash(key), id: id, note: id * 10)
    }

    /// The id of a key, or nil.
    private func find(_ key: [UInt8], in cache: borrowing InternCache, hash: NameHash? = nil) -> Int64? {
        let place = cache.find(hash ?? self.hash(key))
        guard place >= 0 else { return nil }
        #expect(cache.note(at: place) == cache.id(at: place) * 10)
        return cache.id(at: place)
    }

    @Test("Keys of every length are found", arguments: [0, 1, 7, 8, 9, 31, 32, 300])
    func lengths(count: Int) {
        var cache = InternCache(places: 16)
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
                #expect(find(other, in: cache) == nil, "byte \(index)")
            }
        }
    }

    @Test func anotherKeyGivesOtherHashes() {
        let other = NameHashKey()
        for key in Self.key { #expect(hash(key) == hash(key) && hash(key) != key.withUnsafeBytes { other.hash($0) }) }
        #expect(Set(Self.key.map { hash($0).second }).count == Self.key.count)
    }

    /// The second word decides between names whose first words are the same.
    private func colliding(_ index: Int) -> NameHash { NameHash(first: 14 << 20, second: UInt64(index)) }

    /// All hashes equal: one chain, which wraps around the end of the table.
    @Test func keysThatCollideAreAllFound() {
        var cache = InternCache(places: 16)
        for index in 0..<12 { insert(Self.key[index], Int64(index + 1), into: &cache, hash: colliding(index)) }
        for index in 0..<12 { #expect(find(Self.key[index], in: cache, hash: colliding(index)) == Int64(index + 1)) }
        #expect(find(Self.key[12], in: cache, hash: colliding(12)) == nil)
    }

    @Test func aRemovalLeavesTheRestOfItsChain() {
        var cache = InternCache(places: 16)
        for index in 0..<6 { insert(Self.key[index], Int64(index + 1), into: &cache, hash: colliding(index)) }
        cache.remove { $0 == 1 || $0 == 4 }
        #expect((0..<6).map { find(Self.key[$0], in: cache, hash: colliding($0)) } == [nil, 2, 3, nil, 5, 6])
        insert(Self.key[0], 9, into: &cache, hash: colliding(0))
        #expect(find(Self.key[0], in: cache, hash: colliding(0)) == 9)
    }

    @Test func aFullCacheBeginsAgain() {
        var cache = InternCache(places: 16)
        for index in 0..<12 { insert(Self.key[index], Int64(index + 1), into: &cache) }
        #expect((0..<12).allSatisfy { find(Self.key[$0], in: cache) == Int64($0 + 1) })
        insert(Self.key[12], 13, into: &cache)
        #expect((0..<12).allSatisfy { find(Self.key[$0], in: cache) == nil })
        #expect(find(Self.key[12], in: cache) == 13)
    }

    @Test func itAgreesWithADictionary() {
        var generator = SeededGenerator.announced("intern cache")
        var cache = InternCache(places: 1024)
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

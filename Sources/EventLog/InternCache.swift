/// Remembers the numbers of keys, channels, users and reasons that were written lately, so that most events need no
/// look-up in the log. Open addressing, bounded memory; when it is full it forgets everything and begins again.
///
/// The hash is seeded, so that nobody can choose keys that collide. Keys longer than the stride are not kept.
struct InternCache {
    private let stride: Int
    private let mask: Int
    private let limit: Int
    private var count = 0
    private let seed: UInt64
    /// 0 for an empty place; else the hash with its lowest bit set.
    private let hashes: UnsafeMutablePointer<UInt64>
    private let lengths: UnsafeMutablePointer<UInt8>
    private let ids: UnsafeMutablePointer<Int64>
    /// Whatever the owner notes of an entry: when an identity was last seen.
    private let notes: UnsafeMutablePointer<Int64>
    private let keys: UnsafeMutableRawPointer

    /// - Parameter places: a power of two; three quarters of them are used.
    /// - Parameter stride: bytes of the longest key that is kept, a multiple of 8, at most 248.
    init(places: Int, stride: Int, seed: UInt64) {
        self.stride = stride
        mask = places - 1
        limit = places / 4 * 3
        self.seed = seed | 1
        hashes = .allocate(capacity: places)
        hashes.initialize(repeating: 0, count: places)
        lengths = .allocate(capacity: places)
        ids = .allocate(capacity: places)
        notes = .allocate(capacity: places)
        keys = .allocate(byteCount: places * stride, alignment: 8)
    }

    func deallocate() {
        hashes.deallocate()
        lengths.deallocate()
        ids.deallocate()
        notes.deallocate()
        keys.deallocate()
    }

    mutating func removeAll() {
        guard count != 0 else { return }
        hashes.update(repeating: 0, count: mask + 1)
        count = 0
    }

    /// The place of a key, or -1.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: hash >> 20) & mask
        while hashes[place] != 0 {
            if hashes[place] == hash, Int(lengths[place]) == key.count, isEqual(key, at: place) { return place }
            place = (place &+ 1) & mask
        }
        return -1
    }

    @inline(__always)
    private func isEqual(_ key: UnsafeRawBufferPointer, at place: Int) -> Bool {
        // SAFETY: keys are stored zero-padded to the stride; the candidate is read only within its count.
        let stored = UnsafeRawPointer(keys + place &* stride)
        guard let start = key.baseAddress else { return key.count == 0 }
        var index = 0
        while index &+ 8 <= key.count {
            if stored.load(fromByteOffset: index, as: UInt64.self)
                != start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            {
                return false
            }
            index &+= 8
        }
        while index < key.count {
            if stored.load(fromByteOffset: index, as: UInt8.self)
                != start.load(fromByteOffset: index, as: UInt8.self)
            {
                return false
            }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    func id(at place: Int) -> Int64 { ids[place] }

    @inline(__always)
    func note(at place: Int) -> Int64 { notes[place] }

    func setNote(_ note: Int64, at place: Int) { notes[place] = note }

    /// Remembers a key that `find` did not find.
    mutating func insert(_ key: UnsafeRawBufferPointer, hash: UInt64, id: Int64, note: Int64) {
        guard key.count <= stride else { return }
        if count >= limit { removeAll() }
        var place = Int(truncatingIfNeeded: hash >> 20) & mask
        while hashes[place] != 0 { place = (place &+ 1) & mask }
        hashes[place] = hash
        lengths[place] = UInt8(truncatingIfNeeded: key.count)
        ids[place] = id
        notes[place] = note
        if let start = key.baseAddress { (keys + place * stride).copyMemory(from: start, byteCount: key.count) }
        count += 1
    }

    /// Multiplies and folds eight bytes at a time, as wyhash does. Never 0.
    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: key.count)
        guard let start = key.baseAddress else { return hash | 1 }
        var index = 0
        while index &+ 8 <= key.count {
            hash = fold(hash ^ start.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index &+= 8
        }
        if index < key.count {
            var rest: UInt64 = 0
            while index < key.count {
                rest = rest << 8 | UInt64(start.load(fromByteOffset: index, as: UInt8.self))
                index &+= 1
            }
            hash = fold(hash ^ rest)
        }
        return fold(hash) | 1
    }

    @inline(__always)
    private func fold(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: seed)
        return product.high ^ product.low
    }
}

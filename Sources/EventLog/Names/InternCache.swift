import CMachine
import MetricsModel

/// Remembers the numbers of recently written keys, channels, users and reasons, so that most events need no lookup in the log.
/// Open addressing, bounded memory; when full, it forgets everything and starts over.
///
/// The hash is seeded, so nobody can choose keys that collide. Keys longer than the stride are not kept.
struct InternCache: ~Copyable {
    private let stride: Int
    private let mask: Int
    private let limit: Int
    private var count = 0
    private let seed: UInt64
    /// An entry is 32 bytes plus the key, one cache line for a stride of 32: the key's hash (0 for an empty place), its number,
    /// the owner's note, its length.
    private let entries: UnsafeMutableRawPointer
    private let memory: UnsafeMutableRawPointer
    private let entryBytes: Int

    /// - Parameter places: a power of two; three quarters of them are used.
    /// - Parameter stride: bytes of the longest key kept, a multiple of 8, at most 248.
    init(places: Int, stride: Int, seed: UInt64) {
        self.stride = stride
        mask = places - 1
        limit = places / 4 * 3
        self.seed = seed | 1
        entryBytes = 32 + stride
        // Fresh memory from the system is zeroed, and becomes resident only where it is used.
        memory = calloc(places * entryBytes + 64, 1)
        entries = UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: memory) + 63) & ~63).unsafelyUnwrapped
    }

    deinit { free(memory) }

    mutating func removeAll() {
        guard count != 0 else { return }
        memset(entries, 0, (mask + 1) * entryBytes)
        count = 0
    }

    @inline(__always)
    private func entry(_ place: Int) -> UnsafeMutableRawPointer { entries + place &* entryBytes }

    @inline(__always)
    private func hash(at place: Int) -> UInt64 { entry(place).load(as: UInt64.self) }

    /// The place of a key, or -1.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: hash >> 20) & mask
        while true {
            let found = self.hash(at: place)
            if found == 0 { return -1 }
            if found == hash, entry(place).load(fromByteOffset: 24, as: Int.self) == key.count,
                isEqual(key, at: place), id(at: place) != 0
            {
                return place
            }
            place = (place &+ 1) & mask
        }
    }

    @inline(__always)
    private func isEqual(_ key: UnsafeRawBufferPointer, at place: Int) -> Bool {
        // SAFETY: keys are stored zero-padded to the stride; the candidate is read only within its count.
        let stored = UnsafeRawPointer(entry(place) + 32)
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

    /// Forgets the keys of some numbers. Their places stay taken until the whole cache is cleared, or the probe chains through
    /// them would break.
    func remove(where isGone: (Int64) -> Bool) {
        guard count != 0 else { return }
        for place in 0...mask where hash(at: place) != 0 && isGone(id(at: place)) {
            entry(place).storeBytes(of: 0, toByteOffset: 8, as: Int64.self)
        }
    }

    @inline(__always)
    func id(at place: Int) -> Int64 { entry(place).load(fromByteOffset: 8, as: Int64.self) }

    @inline(__always)
    func note(at place: Int) -> Int64 { entry(place).load(fromByteOffset: 16, as: Int64.self) }

    func setNote(_ note: Int64, at place: Int) { entry(place).storeBytes(of: note, toByteOffset: 16, as: Int64.self) }

    /// Remembers a key that `find` did not find.
    mutating func insert(_ key: UnsafeRawBufferPointer, hash: UInt64, id: Int64, note: Int64) {
        guard key.count <= stride else { return }
        if count >= limit { removeAll() }
        var place = Int(truncatingIfNeeded: hash >> 20) & mask
        while self.hash(at: place) != 0 { place = (place &+ 1) & mask }
        let entry = entry(place)
        entry.storeBytes(of: hash, as: UInt64.self)
        entry.storeBytes(of: id, toByteOffset: 8, as: Int64.self)
        entry.storeBytes(of: note, toByteOffset: 16, as: Int64.self)
        entry.storeBytes(of: key.count, toByteOffset: 24, as: Int.self)
        if let start = key.baseAddress { (entry + 32).copyMemory(from: start, byteCount: key.count) }
        count += 1
    }

    /// Never 0.
    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { KeyedHash.of(key, seed: seed) }
}

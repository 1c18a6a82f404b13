import CMachine
import Pseudonyms

/// Remembers the numbers of recently written keys, channels, users and reasons, so that most events need no lookup in the log.
/// Open addressing, bounded memory; when full, it forgets everything and starts over.
///
/// It knows them by their hashes only: the server's memory holds no list of names.
struct InternCache: ~Copyable {
    private let mask: Int
    private let limit: Int
    private var count = 0
    /// An entry is 32 bytes: the hash, whose first word is 0 for an empty place, the number, and the owner's note.
    private let entries: UnsafeMutableRawPointer
    private let memory: UnsafeMutableRawPointer
    private static var entryBytes: Int { 32 }

    /// - Parameter places: a power of two; three quarters of them are used.
    init(places: Int) {
        mask = places - 1
        limit = places / 4 * 3
        // Fresh memory from the system is zeroed, and becomes resident only where it is used.
        memory = calloc(places * Self.entryBytes + 64, 1)
        entries = UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: memory) + 63) & ~63).unsafelyUnwrapped
    }

    deinit { free(memory) }

    mutating func removeAll() {
        guard count != 0 else { return }
        memset(entries, 0, (mask + 1) * Self.entryBytes)
        count = 0
    }

    @inline(__always)
    private func entry(_ place: Int) -> UnsafeMutableRawPointer { entries + place &* Self.entryBytes }

    @inline(__always)
    private func word(_ index: Int, at place: Int) -> UInt64 { entry(place).load(fromByteOffset: 8 &* index, as: UInt64.self) }

    /// The place of a name, or -1.
    @inline(__always)
    func find(_ hash: NameHash) -> Int {
        var place = Int(truncatingIfNeeded: hash.first >> 20) & mask
        while true {
            let found = word(0, at: place)
            if found == 0 { return -1 }
            if found == hash.first, word(1, at: place) == hash.second, id(at: place) != 0 { return place }
            place = (place &+ 1) & mask
        }
    }

    /// Forgets some numbers. Their places stay taken until the whole cache is cleared, or the probe chains through them would
    /// break.
    func remove(where isGone: (Int64) -> Bool) {
        guard count != 0 else { return }
        for place in 0...mask where word(0, at: place) != 0 && isGone(id(at: place)) {
            entry(place).storeBytes(of: 0, toByteOffset: 16, as: Int64.self)
        }
    }

    @inline(__always)
    func id(at place: Int) -> Int64 { entry(place).load(fromByteOffset: 16, as: Int64.self) }

    @inline(__always)
    func note(at place: Int) -> Int64 { entry(place).load(fromByteOffset: 24, as: Int64.self) }

    func setNote(_ note: Int64, at place: Int) { entry(place).storeBytes(of: note, toByteOffset: 24, as: Int64.self) }

    /// Remembers a name that `find` did not find.
    mutating func insert(_ hash: NameHash, id: Int64, note: Int64) {
        if count >= limit { removeAll() }
        var place = Int(truncatingIfNeeded: hash.first >> 20) & mask
        while word(0, at: place) != 0 { place = (place &+ 1) & mask }
        let entry = entry(place)
        entry.storeBytes(of: hash.first, as: UInt64.self)
        entry.storeBytes(of: hash.second, toByteOffset: 8, as: UInt64.self)
        entry.storeBytes(of: id, toByteOffset: 16, as: Int64.self)
        entry.storeBytes(of: note, toByteOffset: 24, as: Int64.self)
        count += 1
    }
}

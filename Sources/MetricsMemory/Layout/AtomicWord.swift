import Synchronization

/// Atomic access to a word of the mapped file. All atomic access to mapped memory goes through here.
public enum AtomicWord {
    @inlinable @inline(__always)
    static func at(_ base: UnsafeMutableRawPointer, _ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: Atomic<UInt64> has the layout of UInt64; every offset passed in is a multiple of 8 inside a mapping, and
        // such words are only ever accessed atomically.
        base.advanced(by: offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable @inline(__always)
    public static func loadRelaxed(_ base: UnsafeMutableRawPointer, _ offset: Int) -> UInt64 {
        at(base, offset).pointee.load(ordering: .relaxed)
    }

    @inlinable @inline(__always)
    public static func loadAcquiring(_ base: UnsafeMutableRawPointer, _ offset: Int) -> UInt64 {
        at(base, offset).pointee.load(ordering: .acquiring)
    }

    @inlinable @inline(__always)
    public static func storeRelaxed(_ base: UnsafeMutableRawPointer, _ offset: Int, _ value: UInt64) {
        at(base, offset).pointee.store(value, ordering: .relaxed)
    }

    @inlinable @inline(__always)
    public static func storeReleasing(_ base: UnsafeMutableRawPointer, _ offset: Int, _ value: UInt64) {
        at(base, offset).pointee.store(value, ordering: .releasing)
    }

    @inlinable @inline(__always)
    public static func add(_ base: UnsafeMutableRawPointer, _ offset: Int, _ value: UInt64) -> UInt64 {
        at(base, offset).pointee.wrappingAdd(value, ordering: .acquiringAndReleasing).oldValue
    }

    /// Writes to the word's page without changing the word, whoever else stores to it.
    static func touch(_ base: UnsafeMutableRawPointer, _ offset: Int) {
        let value = loadRelaxed(base, offset)
        _ = exchange(base, offset, expected: value, desired: value)
    }

    /// True if the word was `expected` and is now `desired`.
    @inlinable @inline(__always)
    public static func exchange(
        _ base: UnsafeMutableRawPointer, _ offset: Int, expected: UInt64, desired: UInt64
    ) -> Bool {
        at(base, offset).pointee.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing
        ).exchanged
    }
}

import CMetricsLayout
import MetricsModel

/// One array of counters in the mapped file, with a single writer: bumped by a relaxed load and a store, which is as cheap as
/// a plain increment and never torn for a reader.
public struct CounterBlock {
    @usableFromInline let base: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    public init(at base: UnsafeMutableRawPointer) { self.base = base }

    @inlinable @inline(__always)
    public func value(_ index: Int) -> UInt64 { AtomicWord.loadRelaxed(base, index &* 8) }

    @inlinable @inline(__always)
    public func add(_ value: UInt64, to index: Int) {
        AtomicWord.storeRelaxed(base, index &* 8, AtomicWord.loadRelaxed(base, index &* 8) &+ value)
    }

    @inlinable @inline(__always)
    public func increment(_ index: Int) { add(1, to: index) }

    /// Like `add`, but a reader that sees the new value also sees everything that the writer stored before (pairs with the
    /// acquiring load in `LiveMap.add`).
    @inlinable @inline(__always)
    public func addReleasing(_ value: UInt64, to index: Int) {
        AtomicWord.storeReleasing(base, index &* 8, AtomicWord.loadRelaxed(base, index &* 8) &+ value)
    }

    public func store(_ value: UInt64, to index: Int) { AtomicWord.storeRelaxed(base, index &* 8, value) }
}

/// A slot's counters of what goes through its ring. Whoever sees one risen also sees the commit of the record before it, and does
/// not take the record for lost (`Drainer.countTorn`). On x86 that is what every store does.
public struct RingedCounterBlock {
    @usableFromInline let block: CounterBlock

    @inlinable @inline(__always)
    init(_ block: CounterBlock) { self.block = block }

    @inlinable @inline(__always)
    public func value(_ index: Int) -> UInt64 { block.value(index) }

    @inlinable @inline(__always)
    public func add(_ value: UInt64, to index: Int) { block.addReleasing(value, to: index) }

    @inlinable @inline(__always)
    public func addReleasing(_ value: UInt64, to index: Int) { block.addReleasing(value, to: index) }
}

/// The counters that threads without a slot share; every bump is an atomic addition.
public struct SharedCounterBlock {
    @usableFromInline let base: UnsafeMutableRawPointer

    @inlinable
    public init(at base: UnsafeMutableRawPointer) { self.base = base }

    @inlinable
    public func add(_ value: UInt64, to index: Int) { _ = AtomicWord.add(base, index &* 8, value) }
}

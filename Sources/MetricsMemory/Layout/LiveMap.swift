import CMachine
import CMetricsLayout
import MetricsModel

/// Where things are in a mapped `live.qpcm`. Only the plugin, and a command that recovers a dead server's events, may write
/// through it. Valid as long as the file object that it came from.
public struct LiveMap: @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    public let ringBytes: Int
    public let slotStride: Int
    /// Slots that lie inside the mapping.
    public let reachableSlots: Int

    @inline(__always)
    public func slot(_ index: Int) -> UnsafeMutableRawPointer {
        base + (QPCM_SLOTS &+ index &* slotStride)
    }

    /// Slots below this exist, apart from holes, which are `isAbsent`.
    public var slotsReady: Int {
        // Pairs with the releasing exchange in LiveFile.makeSlot.
        min(Int(clamping: AtomicWord.loadAcquiring(base, QPCM_HEADER_SLOTS_READY)), reachableSlots)
    }

    public func isAbsent(_ index: Int) -> Bool {
        AtomicWord.loadAcquiring(slot(index), 0) == UInt64(QPCM_SLOT_ABSENT)
    }

    public var drainRinged: CounterBlock { CounterBlock(at: base + QPCM_DRAIN_COUNTERS) }
    public var drainDirect: CounterBlock { CounterBlock(at: base + QPCM_DRAIN_COUNTERS + QPCM_DIRECT_BYTES) }

    @inlinable
    public var overflow: SharedCounterBlock {
        SharedCounterBlock(at: base + (QPCM_OVERFLOW_COUNTERS &+ QPCM_DIRECT_BYTES))
    }

    /// Sets a gauge or state word of the header, QPCM_HEADER_*.
    public func set(_ offset: Int, _ value: UInt64) { AtomicWord.storeReleasing(base, offset, value) }

    public func word(_ offset: Int) -> UInt64 { AtomicWord.loadAcquiring(base, offset) }

    /// Uses two entries in turn: a kill between two stores leaves the other one intact.
    public func set(anchor: TickAnchor) {
        let next = 1 - AtomicWord.loadRelaxed(base, QPCM_HEADER_ANCHOR_INDEX) % 2
        let at = QPCM_HEADER_ANCHORS + 24 * Int(next)
        AtomicWord.storeRelaxed(base, at, anchor.ticks)
        AtomicWord.storeRelaxed(base, at + 8, anchor.nanoseconds)
        AtomicWord.storeRelaxed(base, at + 16, anchor.scale)
        AtomicWord.storeReleasing(base, QPCM_HEADER_ANCHOR_INDEX, next)
    }

    public var anchor: TickAnchor {
        let at = QPCM_HEADER_ANCHORS + 24 * Int(word(QPCM_HEADER_ANCHOR_INDEX) % 2)
        return TickAnchor(ticks: word(at), nanoseconds: word(at + 8), scale: word(at + 16))
    }

    // MARK: Counters

    /// Which of an area's two arrays is meant.
    public enum Part: Sendable {
        case ringed
        case direct
        case both
    }

    /// Adds all counter areas into `target`, which has `CounterIndex.words` words. Counters of events are read after those of
    /// what became of them, so that no event is seen written before it is seen recorded.
    public func addTotals(_ part: Part, to target: UnsafeMutablePointer<UInt64>) {
        add(base + QPCM_DRAIN_COUNTERS, part, to: target)
        add(base + QPCM_BASE_COUNTERS, part, to: target)
        add(base + QPCM_OVERFLOW_COUNTERS, part, to: target)
        for index in 0..<slotsReady where !isAbsent(index) {
            add(slot(index) + QPCM_SLOT_COUNTERS, part, to: target)
        }
    }

    private func add(_ area: UnsafeMutableRawPointer, _ part: Part, to target: UnsafeMutablePointer<UInt64>) {
        for index in 0..<QPCM_COUNTER_WORDS {
            // Acquiring: pairs with CounterBlock.addReleasing.
            if part != .direct { target[index] &+= AtomicWord.loadAcquiring(area, 8 * index) }
            if part != .ringed, !CounterIndex.isDropped(index) {
                target[index] &+= AtomicWord.loadAcquiring(area, QPCM_DIRECT_BYTES + 8 * index)
            }
        }
        guard part != .ringed else { return }
        // A hook counts a drop in one word, which implies that the event was recorded. Both come from one load here, since
        // the word may rise before a second one.
        for kind in EventKind.allCases {
            for cause in DropCause.allCases {
                let index = CounterIndex.dropped(kind, cause)
                let dropped = AtomicWord.loadAcquiring(area, QPCM_DIRECT_BYTES + 8 * index)
                target[index] &+= dropped
                target[CounterIndex.events(kind)] &+= dropped
            }
        }
    }

    /// Adds the totals of dropped events, `DropTotals.count` of them.
    public func addDropTotals(_ part: Part, to target: inout DropTotals) {
        addDrops(base + QPCM_DRAIN_COUNTERS, part, to: &target)
        addDrops(base + QPCM_BASE_COUNTERS, part, to: &target)
        addDrops(base + QPCM_OVERFLOW_COUNTERS, part, to: &target)
        for index in 0..<slotsReady where !isAbsent(index) {
            addDrops(slot(index) + QPCM_SLOT_COUNTERS, part, to: &target)
        }
    }

    private func addDrops(_ area: UnsafeMutableRawPointer, _ part: Part, to target: inout DropTotals) {
        for index in 0..<DropTotals.count {
            let offset = 8 * (DropTotals.first + index)
            if part != .direct { target.values[index] &+= AtomicWord.loadAcquiring(area, offset) }
            if part != .ringed { target.values[index] &+= AtomicWord.loadAcquiring(area, QPCM_DIRECT_BYTES + offset) }
        }
    }

    /// The `direct` part, as it was when the session began.
    public var dropsAtStart: DropTotals {
        var totals = DropTotals()
        addDrops(base + QPCM_BASE_COUNTERS, .direct, to: &totals)
        return totals
    }

    public func dropTotals(_ part: Part) -> DropTotals {
        var totals = DropTotals()
        addDropTotals(part, to: &totals)
        return totals
    }

    // MARK: Checksums; 0 stands for none

    /// Over what init writes once: the header's words below `init_check`, except the magic, and the base counters.
    public var initCheck: UInt64 {
        var hash = Checksum.start
        for offset in stride(from: 8, to: QPCM_HEADER_INIT_CHECK, by: 8) { hash = Checksum.mix(hash, plainWord(offset)) }
        for offset in stride(from: QPCM_BASE_COUNTERS, to: QPCM_DRAIN_COUNTERS, by: 8) {
            hash = Checksum.mix(hash, plainWord(offset))
        }
        return max(hash, 1)
    }

    private func plainWord(_ offset: Int) -> UInt64 { base.load(fromByteOffset: offset, as: UInt64.self) }

    /// Over all counters, as they are now.
    public var countersCheck: UInt64 {
        var hash = Checksum.start
        for part in [Part.ringed, .direct] {
            for total in totals(part) { hash = Checksum.mix(hash, total) }
        }
        return max(hash, 1)
    }

    /// Marks the file as no longer written by anybody, with a checksum over its counters.
    public func markStopped() {
        set(QPCM_HEADER_COUNTERS_CHECK, countersCheck)
        set(QPCM_HEADER_STATE, UInt64(QPCM_STATE_STOPPED))
    }

    public func totals(_ part: Part) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: QPCM_COUNTER_WORDS) { target, count in
            target.initialize(repeating: 0)
            addTotals(part, to: target.baseAddress!)
            count = QPCM_COUNTER_WORDS
        }
    }
}

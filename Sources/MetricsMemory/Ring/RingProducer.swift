import CMachine
import CMetricsLayout

/// The writing end of a slot's ring. Used by one thread, the slot's owner, and never by more than one.
///
/// A call claims room for everything that it will write, writes it, and commits with one releasing store of `tail`: a record
/// is either there in full or not at all, whenever the process dies.
public struct RingProducer {
    @usableFromInline let slot: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    public init(slot: UnsafeMutableRawPointer) { self.slot = slot }

    @inlinable @inline(__always)
    public var ringBytes: UInt64 {
        slot.load(fromByteOffset: QPCM_SLOT_MASK, as: UInt64.self) &+ 1
    }

    @inlinable @inline(__always)
    static var granuleBytes: UInt64 { UInt64(truncatingIfNeeded: QPCM_GRANULE_BYTES) }

    @inlinable @inline(__always)
    static func granules(_ fieldBytes: Int) -> UInt64 {
        let bytes = fieldBytes &+ (QPCM_RECORD_FIELDS_AT &+ QPCM_RECORD_TRAILER_BYTES &+ QPCM_GRANULE_BYTES &- 1)
        return UInt64(truncatingIfNeeded: bytes) / granuleBytes
    }

    /// Bytes that a record with this many bytes of fields takes up, without padding.
    @inlinable @inline(__always)
    public static func recordBytes(fields: Int) -> UInt64 { granules(fields) &* granuleBytes }

    /// The position to write at, if `bytes` and the padding before the ring's end fit; otherwise nil.
    @inlinable @inline(__always)
    public func claim(_ bytes: UInt64) -> UInt64? {
        // Relaxed: only this thread stores it.
        let tail = AtomicWord.loadRelaxed(slot, QPCM_SLOT_TAIL)
        let ringBytes = ringBytes
        let end = tail &+ bytes &+ UInt64(QPCM_RECORD_LIMIT)
        let cachedHead = slot.load(fromByteOffset: QPCM_SLOT_CACHED_HEAD, as: UInt64.self)
        if end &- cachedHead <= ringBytes { return tail }
        return claimAfterLook(tail: tail, end: end, ringBytes: ringBytes)
    }

    @inlinable @inline(never)
    func claimAfterLook(tail: UInt64, end: UInt64, ringBytes: UInt64) -> UInt64? {
        // Pairs with the releasing store in RingConsumer.release: what is below head is wiped and ours.
        let head = AtomicWord.loadAcquiring(slot, QPCM_SLOT_HEAD)
        slot.storeBytes(of: head, toByteOffset: QPCM_SLOT_CACHED_HEAD, as: UInt64.self)
        return end &- head <= ringBytes ? tail : nil
    }

    /// Writes one record at `position`, which a claim covers, and moves `position` past it. Invisible until `commit`.
    @inlinable @inline(__always)
    public func put(
        kind: UInt8, flags: UInt8, ticks: UInt64, detail: UInt16 = 0, a: UInt64 = 0, b: UInt64 = 0,
        _ field0: RecordField, _ field1: RecordField, _ field2: RecordField, at position: inout UInt64
    ) {
        let mask = slot.load(fromByteOffset: QPCM_SLOT_MASK, as: UInt64.self)
        let granules = Self.granules(field0.count &+ field1.count &+ field2.count)
        let bytes = granules &* Self.granuleBytes
        let ring = slot.advanced(by: QPCM_SLOT_RING)
        let toEnd = mask &+ 1 &- (position & mask)
        if bytes > toEnd { position = pad(ring: ring, mask: mask, bytes: toEnd, at: position) }

        let record = ring.advanced(by: Int(truncatingIfNeeded: position & mask))
        // Prefetch the lines that a later call will write: the drain wiped them, so they are in its processor's cache.
        let ahead = ring.advanced(by: Int(truncatingIfNeeded: (position &+ 2048) & mask))
        qpcm_prefetch_for_write(ahead)
        qpcm_prefetch_for_write(ahead.advanced(by: QPCM_GRANULE_BYTES))
        let stamp = Self.stamp(position)
        let head =
            UInt64(stamp) | UInt64(kind) << bits(QPCM_RECORD_KIND_AT) | UInt64(flags) << bits(QPCM_RECORD_FLAGS_AT)
            | granules << bits(QPCM_RECORD_GRANULES_AT)
        let lengths =
            UInt64(truncatingIfNeeded: field0.count) | UInt64(truncatingIfNeeded: field1.count) << 16
            | UInt64(truncatingIfNeeded: field2.count) << 32
            | UInt64(detail) << bits(QPCM_RECORD_DETAIL_AT &- QPCM_RECORD_LENGTHS_AT)
        // SAFETY: the claim covers `bytes` from here, in one piece; all offsets are multiples of 8.
        record.storeBytes(of: head, as: UInt64.self)
        record.storeBytes(of: ticks, toByteOffset: QPCM_RECORD_TICKS_AT, as: UInt64.self)
        record.storeBytes(of: lengths, toByteOffset: QPCM_RECORD_LENGTHS_AT, as: UInt64.self)
        record.storeBytes(of: a, toByteOffset: QPCM_RECORD_A_AT, as: UInt64.self)
        record.storeBytes(of: b, toByteOffset: QPCM_RECORD_B_AT, as: UInt64.self)
        var target = record.advanced(by: QPCM_RECORD_FIELDS_AT)
        target = field0.copy(to: target)
        target = field1.copy(to: target)
        _ = field2.copy(to: target)
        record.storeBytes(
            of: UInt64(stamp), toByteOffset: Int(truncatingIfNeeded: bytes) &- QPCM_RECORD_TRAILER_BYTES,
            as: UInt64.self)
        position = position &+ bytes
    }

    @inlinable @inline(never)
    func pad(ring: UnsafeMutableRawPointer, mask: UInt64, bytes: UInt64, at position: UInt64) -> UInt64 {
        let head =
            UInt64(Self.stamp(position)) | UInt64(QPCM_RECORD_PADDING) << bits(QPCM_RECORD_KIND_AT)
            | (bytes / Self.granuleBytes) << bits(QPCM_RECORD_GRANULES_AT)
        ring.storeBytes(of: head, toByteOffset: Int(truncatingIfNeeded: position & mask), as: UInt64.self)
        return position &+ bytes
    }

    @inlinable @inline(__always)
    static func stamp(_ position: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: position / granuleBytes) ^ QPCM_RECORD_STAMP
    }

    /// Makes everything that was put below `position` visible to the consumer.
    @inlinable @inline(__always)
    public func commit(_ position: UInt64) {
        // Pairs with the acquiring load in RingConsumer.tail.
        AtomicWord.storeReleasing(slot, QPCM_SLOT_TAIL, position)
    }

    @inlinable @inline(__always)
    public var ringed: CounterBlock {
        CounterBlock(at: slot.advanced(by: QPCM_SLOT_COUNTERS))
    }

    @inlinable @inline(__always)
    public var direct: CounterBlock {
        CounterBlock(at: slot.advanced(by: QPCM_SLOT_COUNTERS &+ QPCM_DIRECT_BYTES))
    }
}

/// How many bits a byte at `offset` in a little-endian word is shifted by.
@inlinable @inline(__always)
func bits(_ offset: Int) -> UInt64 { UInt64(truncatingIfNeeded: offset) &* 8 }

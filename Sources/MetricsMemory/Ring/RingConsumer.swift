import CMachine
import CMetricsLayout
import MetricsModel

/// The reading end of a slot's ring. Used by one thread, the drain's; a reader of a dead server's file may use the reading
/// half too.
public struct RingConsumer {
    let slot: UnsafeMutableRawPointer
    let ring: UnsafeMutableRawPointer
    let ringBytes: UInt64
    /// The next byte to read: rises as records are taken, ahead of `head` until they are released.
    public var position: UInt64
    /// Records below this are known to be committed.
    public private(set) var end: UInt64

    public init(slot: UnsafeMutableRawPointer, ringBytes: UInt64, position: UInt64) {
        self.slot = slot
        ring = slot + QPCM_SLOT_RING
        self.ringBytes = ringBytes
        self.position = position
        end = position
    }

    public static func head(of slot: UnsafeMutableRawPointer) -> UInt64 {
        AtomicWord.loadAcquiring(slot, QPCM_SLOT_HEAD)
    }

    public static func tail(of slot: UnsafeMutableRawPointer) -> UInt64 {
        // Pairs with the releasing store in RingProducer.commit.
        AtomicWord.loadAcquiring(slot, QPCM_SLOT_TAIL)
    }

    /// Reads how far the producer has committed. Returns the bytes waiting.
    @discardableResult
    public mutating func look() -> UInt64 {
        end = Self.tail(of: slot)
        // A damaged file can hold any number; an impossible one counts as an empty ring.
        if end < position || end - position > ringBytes || (end | position) % RingProducer.granuleBytes != 0 { end = position }
        return end - position
    }

    public var isEmpty: Bool { position == end }

    /// The record at `position`, past any padding; nil if there is none. A record that is not sound gives `.damaged`: where
    /// the next record begins is then unknown.
    @inline(__always)
    public mutating func next() -> RingItem? {
        while position != end {
            let record = UnsafeRawPointer(ring + Int(truncatingIfNeeded: position & (ringBytes &- 1)))
            let granules = UInt64(record.load(fromByteOffset: QPCM_RECORD_GRANULES_AT, as: UInt16.self))
            let bytes = granules &* RingProducer.granuleBytes
            let toEnd = ringBytes &- (position & (ringBytes &- 1))
            guard
                granules != 0, bytes <= end &- position, bytes <= toEnd,
                record.load(as: UInt32.self) == RingProducer.stamp(position)
            else { return .damaged }
            let kind = record.load(fromByteOffset: QPCM_RECORD_KIND_AT, as: UInt8.self)
            if Int(kind) == QPCM_RECORD_PADDING {
                position = position &+ bytes
                continue
            }
            guard
                Int(kind) >= QPCM_RECORD_MESSAGE, Int(kind) <= QPCM_RECORD_BATCH_GOES_ON,
                record.load(
                    fromByteOffset: Int(truncatingIfNeeded: bytes) &- QPCM_RECORD_TRAILER_BYTES, as: UInt64.self)
                    == UInt64(RingProducer.stamp(position))
            else { return .damaged }
            let view = RecordView(record: record, bytes: Int(truncatingIfNeeded: bytes))
            guard view.isSound else { return .damaged }
            return .record(view)
        }
        return nil
    }

    /// Moves past a record that `next` returned.
    @inline(__always)
    public mutating func take(_ view: RecordView) { position = position &+ UInt64(truncatingIfNeeded: view.bytes) }

    /// Skips everything up to the end, which is damaged.
    public mutating func skipToEnd() { position = end }

    /// Wipes what was taken and gives the room back to the producer. Only after the log's commit.
    public func release() {
        let head = AtomicWord.loadRelaxed(slot, QPCM_SLOT_HEAD)
        guard position > head, position - head <= ringBytes else { return }
        let from = Int(head & (ringBytes - 1))
        let count = Int(position - head)
        let first = min(count, Int(ringBytes) - from)
        // SAFETY: between head and position nobody but this thread touches the ring.
        memset(ring + from, 0, first)
        memset(ring, 0, count - first)
        // Pairs with the acquiring load in RingProducer.claimAfterLook.
        AtomicWord.storeReleasing(slot, QPCM_SLOT_HEAD, position)
    }
}

/// What the consumer finds at its position.
public enum RingItem {
    case record(RecordView)
    case damaged
}

/// One record, in place in the ring.
public struct RecordView {
    let record: UnsafeRawPointer
    public let bytes: Int

    @inline(__always)
    var isSound: Bool {
        Int(length(0)) &+ Int(length(1)) &+ Int(length(2)) &+ QPCM_RECORD_FIELDS_AT
            &+ QPCM_RECORD_TRAILER_BYTES <= bytes
    }

    @inline(__always)
    func length(_ index: Int) -> UInt16 {
        record.load(fromByteOffset: QPCM_RECORD_LENGTHS_AT &+ 2 &* index, as: UInt16.self)
    }

    public var kind: UInt8 { record.load(fromByteOffset: QPCM_RECORD_KIND_AT, as: UInt8.self) }
    public var ticks: UInt64 { record.load(fromByteOffset: QPCM_RECORD_TICKS_AT, as: UInt64.self) }
    public var a: UInt64 { record.load(fromByteOffset: QPCM_RECORD_A_AT, as: UInt64.self) }

    /// The kind of event, or nil for a record that begins or continues a batch.
    @inline(__always)
    public var eventKind: EventKind? { EventKind(rawValue: kind &- UInt8(truncatingIfNeeded: QPCM_RECORD_MESSAGE)) }

    /// Whether the record stands for a call of `on_batch_enqueue`; one that only continues a batch does not.
    public var beginsBatch: Bool { Int(kind) == QPCM_RECORD_BATCH_BEGIN }

    /// Fills in everything but the time and the batch. The fields point into the ring.
    @inline(__always)
    public func fill(_ event: inout Event, kind: EventKind) {
        event.kind = kind
        var at = record + QPCM_RECORD_FIELDS_AT
        event.field0 = UnsafeRawBufferPointer(start: at, count: Int(length(0)))
        at += Int(length(0))
        event.field1 = UnsafeRawBufferPointer(start: at, count: Int(length(1)))
        at += Int(length(1))
        event.field2 = UnsafeRawBufferPointer(start: at, count: Int(length(2)))
        event.number = a
        event.seq = record.load(fromByteOffset: QPCM_RECORD_B_AT, as: UInt64.self)
        let flags = record.load(fromByteOffset: QPCM_RECORD_FLAGS_AT, as: UInt8.self)
        event.yes = flags & UInt8(QPCM_RECORD_FLAG_YES) != 0
        let detail = record.load(fromByteOffset: QPCM_RECORD_DETAIL_AT, as: UInt16.self)
        event.failure = FailureClass(rawValue: UInt8(truncatingIfNeeded: detail)) ?? .other
    }
}

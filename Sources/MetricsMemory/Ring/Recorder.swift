import CMetricsLayout
import MetricsModel

/// One event as a hook receives it: what its record holds and what is added to the counters.
public struct Record {
    public let kind: EventKind
    /// When the hook was called, in the file's clock.
    @usableFromInline let ticks: UInt64
    @usableFromInline let field0: RecordField
    @usableFromInline let field1: RecordField
    @usableFromInline let field2: RecordField
    @usableFromInline let number: UInt64
    @usableFromInline let seq: UInt64
    @usableFromInline let yes: Bool
    @usableFromInline let failure: FailureClass

    /// The arguments are those of `Event`, and depend on the kind as they do there.
    @inlinable @inline(__always)
    public init(
        _ kind: EventKind, ticks: UInt64, _ field0: RecordField, _ field1: RecordField, _ field2: RecordField = .absent,
        number: UInt64 = 0, seq: UInt64 = 0, yes: Bool = false, failure: FailureClass = .other
    ) {
        self.kind = kind
        self.ticks = ticks
        self.field0 = field0
        self.field1 = field1
        self.field2 = field2
        self.number = number
        self.seq = seq
        self.yes = yes
        self.failure = failure
    }

    /// Bytes that it takes up in a ring, without padding.
    @inlinable @inline(__always)
    public var bytes: UInt64 { RingProducer.recordBytes(fields: field0.count &+ field1.count &+ field2.count) }

    @inlinable @inline(__always)
    var flags: UInt8 {
        let repaired = field0.repaired || field1.repaired || field2.repaired
        return UInt8(truncatingIfNeeded: (yes ? QPCM_RECORD_FLAG_YES : 0) | (repaired ? QPCM_RECORD_FLAG_REPAIRED : 0))
    }

    /// Counts what the event contains, but not the event itself.
    @inlinable @inline(__always)
    public func addContents(to sink: some CounterSink) {
        Tally.contents(kind, number: number, sealed: field0.count == 0, yes: yes, failure: failure, into: sink)
    }

    @inlinable @inline(__always)
    public func addDropped(_ cause: DropCause, to sink: some CounterSink) {
        addContents(to: sink)
        sink.add(1, to: CounterIndex.dropped(kind, cause))
    }
}

/// Records events in a thread's slot: claims room in the ring, writes, commits, and counts.
///
/// A counter is bumped only after the commit of its record: whatever a kill leaves uncounted is in the ring, and
/// recovery counts it from there.
public struct Recorder {
    @usableFromInline let ring: RingProducer

    @inlinable @inline(__always)
    public init(slot: UnsafeMutableRawPointer) { ring = RingProducer(slot: slot) }

    /// Records one event, or counts it as dropped when the ring is full. Returns whether it was recorded.
    @inlinable @inline(__always)
    public func record(_ record: Record) -> Bool {
        guard var position = ring.claim(record.bytes) else {
            record.addDropped(.ringFull, to: direct)
            return false
        }
        put(record, at: &position)
        ring.commit(position)
        count(record)
        return true
    }

    // MARK: The steps, for batches and for tests that stop between two

    @inlinable @inline(__always)
    public var ringBytes: UInt64 { ring.ringBytes }

    /// The counters of what goes through the ring: recovery brings them up to date with it.
    @inlinable @inline(__always)
    public var ringed: RingedCounterBlock { RingedCounterBlock(ring.ringed) }

    /// The counters of everything else.
    @inlinable @inline(__always)
    public var direct: CounterBlock { ring.direct }

    /// Where to write `bytes`, or nil when the ring is full.
    @inlinable @inline(__always)
    public func claim(_ bytes: UInt64) -> UInt64? { ring.claim(bytes) }

    @inlinable @inline(__always)
    public func put(_ record: Record, at position: inout UInt64) {
        ring.put(
            // Numbered as the header numbers the records of the six kinds, in the same order.
            kind: record.kind.rawValue &+ UInt8(truncatingIfNeeded: QPCM_RECORD_MESSAGE),
            flags: record.flags, ticks: record.ticks,
            detail: record.kind == .auth ? UInt16(truncatingIfNeeded: record.failure.rawValue) : 0,
            a: record.number, b: record.seq, record.field0, record.field1, record.field2, at: &position)
    }

    /// Bytes of the record that begins each part of a batch.
    @inlinable @inline(__always)
    public static var batchHeaderBytes: UInt64 { RingProducer.recordBytes(fields: 0) }

    @inlinable @inline(__always)
    public func putBatchHeader(isFirst: Bool, messages: UInt64, ticks: UInt64, at position: inout UInt64) {
        ring.put(
            kind: UInt8(truncatingIfNeeded: isFirst ? QPCM_RECORD_BATCH_BEGIN : QPCM_RECORD_BATCH_GOES_ON), flags: 0,
            ticks: ticks, a: messages, .absent, .absent, .absent, at: &position)
    }

    @inlinable @inline(__always)
    public func commit(_ position: UInt64) { ring.commit(position) }

    @inlinable @inline(__always)
    public func count(_ record: Record) {
        Tally.recorded(record.kind, into: ringed)
        record.addContents(to: ringed)
    }
}

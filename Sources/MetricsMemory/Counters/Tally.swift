import MetricsModel

/// Something that counts: a slot's counters, the shared ones, or the drain's own totals.
public protocol CounterSink {
    func add(_ value: UInt64, to index: Int)
    /// Like `add`, but ordered after everything that the caller stored before.
    func addReleasing(_ value: UInt64, to index: Int)
}

extension CounterBlock: CounterSink {}
extension RingedCounterBlock: CounterSink {}

extension SharedCounterBlock: CounterSink {
    @inlinable
    public func addReleasing(_ value: UInt64, to index: Int) { add(value, to: index) }
}

/// Totals in private memory, for one thread.
public struct CounterTotals: CounterSink {
    @usableFromInline let words: UnsafeMutablePointer<UInt64>

    /// Never freed automatically: the owner calls `deallocate`.
    public init() {
        words = .allocate(capacity: CounterIndex.words)
        words.initialize(repeating: 0, count: CounterIndex.words)
    }

    public func deallocate() { words.deallocate() }

    @inlinable @inline(__always)
    public subscript(index: Int) -> UInt64 {
        get { words[index] }
        nonmutating set { words[index] = newValue }
    }

    @inlinable @inline(__always)
    public func add(_ value: UInt64, to index: Int) { words[index] = words[index] &+ value }
    @inlinable @inline(__always)
    public func addReleasing(_ value: UInt64, to index: Int) { add(value, to: index) }
}

/// What each event adds to which counter: the one place that says so. Hooks call it for the live counters, and the drain
/// calls it for the totals that go into the log with the rows, so both always agree.
///
/// `recorded` counts the event itself and comes first. A dropped event is counted by its one `dropped` word instead, from
/// which readers infer that it was recorded, so a kill between two stores cannot set the two at odds.
public enum Tally {
    @inlinable @inline(__always)
    public static func recorded(_ kind: EventKind, events: UInt64 = 1, into sink: some CounterSink) {
        sink.addReleasing(events, to: CounterIndex.events(kind))
    }

    /// One call of `on_batch_enqueue`, apart from its messages.
    @inlinable @inline(__always)
    public static func batchCall(messages: UInt64, into sink: some CounterSink) {
        sink.addReleasing(1, to: CounterIndex.calls(.batchEnqueue))
        sink.add(1, to: CounterIndex.batch &+ Histogram.batchBucket(messages))
        sink.add(Histogram.clamped(messages), to: CounterIndex.batchSum)
    }

    /// What an event of this kind adds beyond the event itself; the arguments are those of `Event`.
    @inlinable @inline(__always)
    public static func contents(
        _ kind: EventKind, number: UInt64, sealed: Bool, yes: Bool, failure: FailureClass, into sink: some CounterSink
    ) {
        switch kind {
        case .messageEnqueue: message(.single, bytes: number, sealed: sealed, into: sink)
        case .batchEnqueue: message(.batch, bytes: number, sealed: sealed, into: sink)
        case .auth: if !yes { sink.add(1, to: CounterIndex.authFailures(failure)) }
        case .channelCreated: if yes { sink.add(1, to: CounterIndex.channelsCreated) }
        case .fetch:
            sink.add(1, to: CounterIndex.fetch &+ Histogram.fetchBucket(number))
            sink.add(Histogram.clamped(number), to: CounterIndex.fetchSum)
        case .userRegistered: break
        }
    }

    @inlinable @inline(__always)
    static func message(_ path: MessagePath, bytes: UInt64, sealed: Bool, into sink: some CounterSink) {
        sink.add(1, to: CounterIndex.payload(path) &+ Histogram.payloadBucket(bytes))
        sink.add(Histogram.clamped(bytes), to: CounterIndex.payloadSum(path))
        if sealed { sink.add(1, to: CounterIndex.sealed(path)) }
    }

    /// An event read back from a ring, with its contents.
    @inlinable @inline(__always)
    public static func event(_ event: borrowing Event, into sink: some CounterSink) {
        recorded(event.kind, into: sink)
        contents(
            event.kind, number: event.number, sealed: event.field0.count == 0, yes: event.yes, failure: event.failure,
            into: sink)
    }
}

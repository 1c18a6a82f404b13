import MetricsModel

/// What counts: a slot's counters, the shared ones, or the drain's own totals.
public protocol CounterSink {
    func add(_ value: UInt64, to index: Int)
    /// As `add`, ordered after everything that the caller stored before.
    func addReleasing(_ value: UInt64, to index: Int)
}

extension CounterBlock: CounterSink {}

extension SharedCounterBlock: CounterSink {
    @inlinable
    public func addReleasing(_ value: UInt64, to index: Int) { add(value, to: index) }
}

/// Totals in private memory, of one thread.
public struct CounterTotals: CounterSink {
    @usableFromInline let words: UnsafeMutablePointer<UInt64>

    /// Never freed by itself: the owner calls `deallocate`.
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

/// What each event adds to which counter: the one place that says so. Hooks call it for the live counters, and
/// the drain calls it for the totals that go into the log with the rows; hence both always agree.
///
/// `recorded` counts the event itself and comes first. An event that is dropped is counted by its one `dropped` word
/// instead, from which readers tell that it was recorded: so a kill between two stores cannot set the two at odds.
public enum Tally {
    @inlinable @inline(__always)
    public static func recorded(_ kind: EventKind, events: UInt64 = 1, into sink: some CounterSink) {
        sink.addReleasing(events, to: CounterIndex.events(kind))
    }

    @inlinable @inline(__always)
    public static func message(
        _ path: MessagePath, bytes: UInt64, sealed: Bool, into sink: some CounterSink
    ) {
        sink.add(1, to: CounterIndex.payload(path) &+ Histogram.payloadBucket(bytes))
        sink.add(Histogram.clamped(bytes), to: CounterIndex.payloadSum(path))
        if sealed { sink.add(1, to: CounterIndex.sealed(path)) }
    }

    /// One call of `on_batch_enqueue`, apart from its messages.
    @inlinable @inline(__always)
    public static func batchCall(messages: UInt64, into sink: some CounterSink) {
        sink.addReleasing(1, to: CounterIndex.calls(.batchEnqueue))
        sink.add(1, to: CounterIndex.batch &+ Histogram.batchBucket(messages))
        sink.add(Histogram.clamped(messages), to: CounterIndex.batchSum)
    }

    @inlinable @inline(__always)
    public static func auth(ok: Bool, failure: FailureClass, into sink: some CounterSink) {
        if !ok { sink.add(1, to: CounterIndex.authFailures(failure)) }
    }

    @inlinable @inline(__always)
    public static func channel(new: Bool, into sink: some CounterSink) {
        if new { sink.add(1, to: CounterIndex.channelsCreated) }
    }

    @inlinable @inline(__always)
    public static func fetch(messages: UInt64, into sink: some CounterSink) {
        sink.add(1, to: CounterIndex.fetch &+ Histogram.fetchBucket(messages))
        sink.add(Histogram.clamped(messages), to: CounterIndex.fetchSum)
    }

    /// The same for an event that was read back from a ring.
    @inlinable @inline(__always)
    public static func event(_ event: borrowing Event, into sink: some CounterSink) {
        recorded(event.kind, into: sink)
        switch event.kind {
        case .messageEnqueue:
            message(.single, bytes: event.number, sealed: event.field0.count == 0, into: sink)
        case .batchEnqueue:
            message(.batch, bytes: event.number, sealed: event.field0.count == 0, into: sink)
        case .auth: auth(ok: event.yes, failure: event.failure, into: sink)
        case .channelCreated: channel(new: event.yes, into: sink)
        case .fetch: fetch(messages: event.number, into: sink)
        case .userRegistered: break
        }
    }
}

/// One event on its way from a ring into the log: the only type that both sides share.
///
/// It borrows: the three fields point into the ring and are valid only during the call that the event is passed to. What the
/// fields and numbers mean depends on the kind, as in a record:
///
///     kind             field0     field1     field2    number        seq
///     message, batch   sender     recipient  channel   bytes         seq
///     auth             user       reason
///     channel          channel    initiator  peer
///     fetch            recipient  channel              count
///     registered       user       identity
public struct Event {
    public var kind: EventKind
    /// When the hook was called: UTC, microseconds since 1970.
    public var timeMicroseconds: Int64
    public var field0: UnsafeRawBufferPointer
    public var field1: UnsafeRawBufferPointer
    public var field2: UnsafeRawBufferPointer
    public var number: UInt64
    public var seq: UInt64
    /// auth: succeeded; channel: freshly created.
    public var yes: Bool
    /// auth: the class under which its failure was counted.
    public var failure: FailureClass
    /// Batch messages: the event id of the call's first message, and the messages of the call.
    public var batch: Int64
    public var batchSize: UInt64

    public init() {
        kind = .fetch
        timeMicroseconds = 0
        field0 = UnsafeRawBufferPointer(start: nil, count: 0)
        field1 = UnsafeRawBufferPointer(start: nil, count: 0)
        field2 = UnsafeRawBufferPointer(start: nil, count: 0)
        number = 0
        seq = 0
        yes = false
        failure = .other
        batch = 0
        batchSize = 0
    }
}

/// How far one ring has been drained into the log.
public struct RingPosition {
    public var slot: Int
    public var position: UInt64
    /// A batch that is not fully drained: the id of its first message (0 before that), and its size.
    public var batch: Int64
    public var batchSize: UInt64

    public init(slot: Int, position: UInt64, batch: Int64, batchSize: UInt64) {
        self.slot = slot
        self.position = position
        self.batch = batch
        self.batchSize = batchSize
    }
}

/// The bucket of a value, without a branch per bucket: hooks call these.
///
/// Buckets are counted by `le`, "at most": a value equal to a bound is in the bound's bucket.
public enum Histogram {
    /// Upper bounds of a payload's size in bytes: powers of 4 from 64 B to 16 MiB.
    public static let payloadBounds: [UInt64] = [
        64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ]
    /// Upper bounds of the messages in a batch.
    public static let batchBounds: [UInt64] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    /// Upper bounds of the messages in a fetch.
    public static let fetchBounds: [UInt64] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    /// Upper bounds of a hook's duration in nanoseconds.
    public static let hookDurationBounds: [UInt64] = [
        10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000, 10_000_000,
    ]
    /// Upper bounds of a flush's duration in microseconds.
    public static let flushDurationBounds: [UInt64] = [
        1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000,
    ]
    /// Upper bounds of a delivery's wait in microseconds: 0.1 s to a week.
    public static let deliveryWaitBounds: [UInt64] = [
        100_000, 500_000, 2_000_000, 10_000_000, 60_000_000, 300_000_000, 1_800_000_000, 7_200_000_000, 28_800_000_000,
        86_400_000_000, 604_800_000_000,
    ]

    public static let payloadBuckets = 11
    public static let batchBuckets = 11
    public static let fetchBuckets = 12
    public static let hookDurationBuckets = 16
    public static let flushDurationBuckets = 14
    public static let deliveryWaitBuckets = 12

    /// The most that one observation adds to a sum: 1 TiB, or that many messages. A hostile length would
    /// otherwise wrap the sum, and a counter would go down.
    @inlinable @inline(__always)
    public static func clamped(_ value: UInt64) -> UInt64 { value < 1 << 40 ? value : 1 << 40 }

    @inlinable @inline(__always)
    public static func payloadBucket(_ bytes: UInt64) -> Int {
        // ceil(log4(bytes / 64)), from the number of bits of bytes - 1.
        if bytes <= 64 { return 0 }
        let bits = 64 &- (bytes &- 1).leadingZeroBitCount
        let bucket = (bits &- 5) >> 1
        return bucket < 10 ? bucket : 10
    }

    @inlinable @inline(__always)
    public static func batchBucket(_ messages: UInt64) -> Int {
        if messages <= 1 { return 0 }
        return fetchBucket(messages) &- 1
    }

    @inlinable @inline(__always)
    public static func fetchBucket(_ messages: UInt64) -> Int {
        if messages <= 2 { return Int(truncatingIfNeeded: messages) }
        if messages <= 20 { return messages <= 5 ? 3 : messages <= 10 ? 4 : 5 }
        if messages <= 200 { return messages <= 50 ? 6 : messages <= 100 ? 7 : 8 }
        return messages <= 500 ? 9 : messages <= 1000 ? 10 : 11
    }

    /// Sampled once in 1,024 calls, so a search is affordable. Spells the bounds out instead of using `hookDurationBounds`,
    /// because a global array would be initialized lazily, inside a hook.
    @inlinable
    public static func hookDurationBucket(_ nanoseconds: UInt64) -> Int {
        if nanoseconds <= 100 { return nanoseconds <= 10 ? 0 : nanoseconds <= 25 ? 1 : nanoseconds <= 50 ? 2 : 3 }
        if nanoseconds <= 2500 {
            return nanoseconds <= 250 ? 4 : nanoseconds <= 500 ? 5 : nanoseconds <= 1000 ? 6 : 7
        }
        if nanoseconds <= 50_000 {
            return nanoseconds <= 5000 ? 8 : nanoseconds <= 10_000 ? 9 : nanoseconds <= 25_000 ? 10 : 11
        }
        return nanoseconds <= 100_000 ? 12 : nanoseconds <= 1_000_000 ? 13 : nanoseconds <= 10_000_000 ? 14 : 15
    }

    /// The bucket of a value among ascending bounds; for any histogram off the hook path.
    public static func bucket(of value: UInt64, bounds: [UInt64]) -> Int {
        var index = 0
        while index < bounds.count && value > bounds[index] { index += 1 }
        return index
    }
}

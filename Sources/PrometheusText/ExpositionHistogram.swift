/// A histogram's value.
public struct ExpositionHistogram: Sendable {
    /// Ascending upper bounds in whole small units, such as nanoseconds.
    public var bounds: [UInt64]
    /// Observations per bucket, not cumulative: one more count than bounds, the last for whatever exceeds them all.
    public var counts: [UInt64]
    /// The sum of all observations, in the bounds' unit.
    public var sum: UInt64
    /// How many of the bounds' units make up one printed unit.
    public var scale: Double

    public init(bounds: [UInt64], counts: [UInt64], sum: UInt64, scale: Double = 1) {
        precondition(counts.count == bounds.count + 1, "a histogram has one count more than bounds")
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
        self.scale = scale
    }
}

/// A histogram's value.
public struct ExpositionHistogram: Sendable {
    /// Ascending upper bounds in whole small units, such as nanoseconds.
    public var bounds: [UInt64]
    /// Observations of each bucket, not cumulative: one count more than bounds, the last for what exceeds all of them.
    public var counts: [UInt64]
    /// Of all observations, in the bounds' unit.
    public var sum: UInt64
    /// How many of the bounds' units make one of the printed unit.
    public var scale: Double

    public init(bounds: [UInt64], counts: [UInt64], sum: UInt64, scale: Double = 1) {
        precondition(counts.count == bounds.count + 1, "a histogram has one count more than bounds")
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
        self.scale = scale
    }
}

import Readings

/// Percentiles of the log's last hour, from buckets fine enough to be within 7 %.
public struct LivePercentiles: Sendable {
    /// By `SizeName`.
    public var sizes: [WindowStats.Percentiles]
    /// Of delivery waits, in microseconds.
    public var waits: WindowStats.Percentiles

    public init(sizes: [WindowStats.Percentiles], waits: WindowStats.Percentiles) {
        self.sizes = sizes
        self.waits = waits
    }

    /// Nil if there was nothing of that size.
    func of(_ size: SizeName) -> WindowStats.Percentiles? {
        sizes.indices.contains(size.rawValue) && sizes[size.rawValue].count > 0 ? sizes[size.rawValue] : nil
    }

    /// Nil if no fetch handed messages out.
    var ofWaits: WindowStats.Percentiles? { waits.count > 0 ? waits : nil }
}

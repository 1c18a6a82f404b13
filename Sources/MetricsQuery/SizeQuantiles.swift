import EventLog
import MetricsModel
import Readings

/// Percentiles from `SizeBucket` counts: exact below 16, within 6 % above.
enum SizeQuantiles {
    /// - Parameter buckets: the number of sizes in each bucket of a measure.
    static func percentiles(_ buckets: ArraySlice<Int64>) -> WindowStats.Percentiles {
        percentiles(buckets, middle)
    }

    /// - Parameter fetches: counts by `FineBuckets` of microseconds; empty for none.
    static func waits(_ fetches: [UInt64]) -> WindowStats.Percentiles {
        percentiles(fetches.map { Int64(clamping: $0) }[...]) { UInt64(saturating: FineBuckets.middle($0).rounded()) }
    }

    private static func percentiles(_ buckets: ArraySlice<Int64>, _ middle: (Int) -> UInt64) -> WindowStats.Percentiles {
        let count = buckets.reduce(0, &+)
        func value(_ hundredths: Int64) -> UInt64 { Self.value(buckets, count, hundredths: hundredths, middle) }
        return WindowStats.Percentiles(count: count, p50: value(50), p90: value(90), p99: value(99))
    }

    /// The nearest-rank percentile.
    private static func value(
        _ buckets: ArraySlice<Int64>, _ count: Int64, hundredths: Int64, _ middle: (Int) -> UInt64
    ) -> UInt64 {
        guard count > 0 else { return 0 }
        let rank = max(1, count / 100 * hundredths + (count % 100 * hundredths + 99) / 100)
        var below: Int64 = 0
        for (bucket, size) in buckets.enumerated() {
            below &+= size
            if below >= rank { return middle(bucket) }
        }
        return middle(buckets.count - 1)
    }

    /// The harmonic mean of a bucket's bounds, which minimizes the largest relative error.
    static func middle(_ bucket: Int) -> UInt64 {
        let low = SizeBucket.lowerBound(bucket)
        guard bucket >= 16 else { return low }
        let high = bucket + 1 < SizeBucket.count ? SizeBucket.lowerBound(bucket + 1) - 1 : UInt64.max
        let middle = 2 * Double(low) * Double(high) / (Double(low) + Double(high))
        return UInt64(saturating: middle.rounded())
    }
}

import Glibc
import MetricsModel

extension FineBuckets {
    /// The value that is nowhere more than 4.5 % from those of a bucket.
    public static func middle(_ bucket: Int) -> Double { bucket == 0 ? 1 : exp2((Double(bucket) - 0.5) / 8) }

    /// The largest value of a bucket.
    public static func upperBound(_ bucket: Int) -> Double { exp2(Double(bucket) / 8) }
}

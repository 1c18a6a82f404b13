import MetricsModel

/// The last five minutes, one sample per second.
public struct LiveHistory: Sendable {
    public static let limit = 301

    public private(set) var samples: [LiveSample] = []

    public init() {}

    public mutating func add(_ sample: LiveSample) {
        if samples.count == Self.limit { samples.removeFirst() }
        samples.append(sample)
    }

    public var latest: LiveSample? { samples.last }

    /// The first sample of a window that ends with the latest one, or the oldest sample if the window is longer than the history.
    private func start(seconds: Int) -> LiveSample? {
        guard let last = samples.last else { return nil }
        let length = UInt64(seconds) * 1_000_000_000
        // Samples are about a second apart.
        let slack: UInt64 = 500_000_000
        return samples.first { last.monotonicNanoseconds - $0.monotonicNanoseconds <= length + slack }
    }

    /// By how much a counter rose in the window. A counter lower than before belongs to another server: all of it counts as new.
    public func rise(_ index: Int, seconds: Int) -> UInt64 {
        guard let last = samples.last, let first = start(seconds: seconds) else { return 0 }
        let (now, before) = (last.snapshot.counters[index], first.snapshot.counters[index])
        return now >= before ? now - before : now
    }

    /// The rise per second.
    public func rate(_ index: Int, seconds: Int) -> Double {
        guard let last = samples.last, let first = start(seconds: seconds),
            last.monotonicNanoseconds > first.monotonicNanoseconds
        else { return 0 }
        let elapsed = Double(last.monotonicNanoseconds - first.monotonicNanoseconds) / 1e9
        return Double(rise(index, seconds: seconds)) / elapsed
    }

    /// The rates between consecutive samples, newest last.
    public func rates(_ index: Int, newest: Int) -> [Double] {
        let used = samples.suffix(newest + 1)
        return zip(used, used.dropFirst()).map { before, after in
            let elapsed = Double(max(1, after.monotonicNanoseconds - before.monotonicNanoseconds)) / 1e9
            let (was, now) = (before.snapshot.counters[index], after.snapshot.counters[index])
            return Double(now >= was ? now - was : now) / elapsed
        }
    }

    /// The bucket bound below which a share of a histogram's observations lie: of those in the window, or of all if the window
    /// has none. Nil if there are none at all; `.max` if beyond the last bound.
    public func quantile(_ share: Double, first: Int, bounds: [UInt64], seconds: Int) -> UInt64? {
        let indices = first...(first + bounds.count)
        var counts = indices.map { rise($0, seconds: seconds) }
        if counts.allSatisfy({ $0 == 0 }), let last = samples.last { counts = indices.map { last.snapshot.counters[$0] } }
        let total = counts.reduce(0, &+)
        guard total > 0 else { return nil }
        let rank = max(1, (share * Double(total)).rounded(.up))
        var sum: UInt64 = 0
        for (index, count) in counts.enumerated() {
            sum &+= count
            if Double(sum) >= rank { return index < bounds.count ? bounds[index] : .max }
        }
        return .max
    }
}

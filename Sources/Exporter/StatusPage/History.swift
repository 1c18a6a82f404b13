import MetricsModel
import Readings

/// The last hour, for the status page's charts: one sample every few seconds, in memory only.
struct History {
    struct Sample {
        var seconds: Double
        var isUp: Bool
        var messages: UInt64
        var fetches: UInt64
        var logins: UInt64
        var failedLogins: UInt64
        var dropped: UInt64
        var pending: UInt64

        init(_ snapshot: MetricsSnapshot, seconds: Double) {
            self.seconds = seconds
            isUp = snapshot.plugin.isUp
            messages =
                snapshot.counters[CounterIndex.events(.messageEnqueue)]
                &+ snapshot.counters[CounterIndex.events(.batchEnqueue)]
            fetches = snapshot.counters[CounterIndex.calls(.fetch)]
            logins = snapshot.counters[CounterIndex.calls(.auth)]
            failedLogins = FailureClass.allCases.reduce(0) {
                $0 &+ snapshot.counters[CounterIndex.authFailures($1)]
            }
            dropped = EventKind.allCases.reduce(0) { $0 &+ snapshot.dropped($1) }
            pending = snapshot.pending
        }
    }

    private var ring: [Sample] = []
    private var next = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    mutating func add(_ sample: Sample) {
        if ring.count < capacity {
            ring.append(sample)
        } else {
            ring[next] = sample
            next = (next + 1) % capacity
        }
    }

    /// Oldest first.
    var samples: [Sample] { Array(ring[next...] + ring[..<next]) }

    /// A counter's rise per second over each of so many equal parts of the time up to `now`; nil where not two
    /// samples tell it.
    func rates(of value: (Sample) -> UInt64, now: Double, span: Double, parts: Int) -> [Double?] {
        risesAndSeconds(of: value, now: now, span: span, parts: parts).map { $1 > 0 ? $0 / $1 : nil }
    }

    /// A counter's rise in each part.
    func rises(of value: (Sample) -> UInt64, now: Double, span: Double, parts: Int) -> [Double?] {
        risesAndSeconds(of: value, now: now, span: span, parts: parts).map { $1 > 0 ? $0 : nil }
    }

    /// A counter that fell began anew: what it shows is its rise.
    private func risesAndSeconds(
        of value: (Sample) -> UInt64, now: Double, span: Double, parts: Int
    ) -> [(rise: Double, seconds: Double)] {
        var rises = [Double](repeating: 0, count: parts)
        var seconds = [Double](repeating: 0, count: parts)
        let samples = samples
        for (before, after) in zip(samples, samples.dropFirst()) {
            let elapsed = after.seconds - before.seconds
            let part = Int(((after.seconds - (now - span)) / span * Double(parts)).rounded(.down))
            guard elapsed > 0, part >= 0, part <= parts else { continue }
            let (old, new) = (value(before), value(after))
            rises[min(part, parts - 1)] += Double(new >= old ? new - old : new)
            seconds[min(part, parts - 1)] += elapsed
        }
        return zip(rises, seconds).map { (rise: $0, seconds: $1) }
    }

    /// The largest of a gauge in each part.
    func peaks(of value: (Sample) -> UInt64, now: Double, span: Double, parts: Int) -> [Double?] {
        var peaks = [Double?](repeating: nil, count: parts)
        for sample in samples {
            let part = Int(((sample.seconds - (now - span)) / span * Double(parts)).rounded(.down))
            guard part >= 0, part <= parts else { continue }
            let index = min(part, parts - 1)
            peaks[index] = max(peaks[index] ?? 0, Double(value(sample)))
        }
        return peaks
    }

    /// A counter's rise since the oldest sample.
    func rise(of value: (Sample) -> UInt64) -> UInt64 {
        var sum: UInt64 = 0
        let samples = samples
        for (before, after) in zip(samples, samples.dropFirst()) {
            let (old, new) = (value(before), value(after))
            sum &+= new >= old ? new - old : new
        }
        return sum
    }
}

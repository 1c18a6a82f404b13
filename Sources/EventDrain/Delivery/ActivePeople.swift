import CMachine
import EventLog
import MetricsModel

/// About how many different people were seen in the last 1, 7 and 30 days, without a list of them: for a log that is off
/// (`QPC_METRICS_PLUGIN_LOG=off`). Begins at 0 in each process, under whose random key people are told apart. Used on the
/// plugin's thread.
///
/// A HyperLogLog over a sliding window: each of 32,768 registers keeps, for each rank, when it was last reached, in the
/// ten-minute steps of `ActivityWindow`. Those reached within a window are the sketch of that window, and the estimate is Ertl's
/// (arXiv:1702.01284), which has no bias at any size: a standard error of 0.58 %, so within 2 % in 999 of 1,000 cases, and almost
/// always exact for less than a hundred people. Takes at most 3 MiB, the pages of high ranks only once they are reached.
final class ActivePeople {
    private static let registerBits = 15
    private static let registers = 1 << registerBits
    /// More than 2^38 people.
    private static let ranks = 24

    /// By rank, then register: the step in which it was last reached; 0 for never.
    /// Nil without memory for it: nobody is counted then.
    private let reached: UnsafeMutablePointer<Int32>?
    private let seed: UInt64

    init() {
        var seed: UInt64 = 0
        _ = getrandom(&seed, 8, 0)
        self.seed = seed | 1
        reached = calloc(Self.registers * Self.ranks, MemoryLayout<Int32>.size)?.assumingMemoryBound(to: Int32.self)
    }

    deinit { free(reached) }

    /// - Parameter time: UTC, microseconds.
    @inline(__always)
    func saw(_ person: UnsafeRawBufferPointer, at time: Int64) {
        guard person.count > 0, let reached else { return }
        // The lowest bit of a keyed hash says nothing, and its rest is mixed again: ranks need every bit to be fair.
        var hash = KeyedHash.of(person, seed: seed) >> 1
        hash = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        hash ^= hash >> 32
        let register = Int(truncatingIfNeeded: hash) & (Self.registers - 1)
        let rank = min((hash >> UInt64(Self.registerBits)).trailingZeroBitCount, Self.ranks - 1)
        let step = Int32(clamping: ActivityWindow.step(time))
        let cell = reached + (rank * Self.registers + register)
        // A step far ahead of this one was seen under a wrong clock.
        if ActivityWindow.isNews(Int64(step), after: Int64(cell.pointee)) { cell.pointee = step }
    }

    /// How many were seen in the last `days` days, as of now: UTC, microseconds.
    func count(days: Int64, nowMicroseconds: Int64) -> UInt64 {
        guard let reached else { return 0 }
        let now = ActivityWindow.step(nowMicroseconds)
        let first = now - days * 144 + 1
        let last = now + ActivityWindow.slackSteps
        // Registers by the highest rank that they reached in the window; 0 for none.
        var registers = [Int](repeating: 0, count: Self.ranks + 1)
        for register in 0..<Self.registers {
            var rank = Self.ranks
            while rank > 0 {
                let step = Int64(reached[(rank - 1) * Self.registers + register])
                if step != 0, step >= first, step <= last { break }
                rank -= 1
            }
            registers[rank] += 1
        }
        return Self.estimate(registers)
    }

    private static func estimate(_ registers: [Int]) -> UInt64 {
        let all = Double(Self.registers)
        guard registers[0] < Self.registers else { return 0 }
        // The registers at the highest rank, which stands for all above it: none in practice.
        var sum = all * tau(1 - Double(registers[ranks]) / all)
        var rank = ranks - 1
        while rank >= 1 {
            sum = 0.5 * (sum + Double(registers[rank]))
            rank -= 1
        }
        sum += all * sigma(Double(registers[0]) / all)
        let estimate = all * all / (2 * 0.693_147_180_559_945_3 * sum)
        return estimate < 1e15 ? UInt64(estimate.rounded()) : UInt64(1e15)
    }

    private static func sigma(_ share: Double) -> Double {
        var (power, weight, sum) = (share, 1.0, share)
        while true {
            power *= power
            let before = sum
            sum += power * weight
            weight += weight
            if sum == before { return sum }
        }
    }

    private static func tau(_ share: Double) -> Double {
        guard share > 0, share < 1 else { return 0 }
        var (root, weight, sum) = (share, 1.0, 1 - share)
        while true {
            root = root.squareRoot()
            let before = sum
            weight *= 0.5
            sum -= (1 - root) * (1 - root) * weight
            if sum == before { return sum / 3 }
        }
    }
}

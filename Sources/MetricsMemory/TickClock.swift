import CMachine
import CMetricsLayout

/// UTC from the machine's real-time clock, and the ticks that hooks stamp their records with.
public enum TickClock {
    /// UTC, nanoseconds since 1970. Hooks may call it on a machine without a usable tick counter.
    @inlinable @inline(__always)
    public static func realtimeNanoseconds() -> UInt64 { qpcm_realtime_ns() }

    /// For waiting and measuring; unaffected by changes of the time of day.
    public static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }

    @inlinable @inline(__always)
    public static func ticks(_ clock: UInt64) -> UInt64 {
        clock == 1 ? qpcm_ticks() : realtimeNanoseconds()
    }

    /// The machine's best clock: QPCM_CLOCK_TSC if the counter has a constant rate, else QPCM_CLOCK_REALTIME.
    public static var best: UInt64 {
        qpcm_ticks_invariant() != 0 ? UInt64(QPCM_CLOCK_TSC) : UInt64(QPCM_CLOCK_REALTIME)
    }
}

/// A moment on both clocks, and the rate from there: turns ticks into UTC.
public struct TickAnchor: Sendable {
    public var ticks: UInt64
    public var nanoseconds: UInt64
    /// Nanoseconds per tick, times 2^32.
    public var scale: UInt64

    public init(ticks: UInt64, nanoseconds: UInt64, scale: UInt64) {
        self.ticks = ticks
        self.nanoseconds = nanoseconds
        self.scale = scale
    }

    /// Both clocks now, one read around the other; the tightest of three readings.
    public static func now(clock: UInt64, scale: UInt64) -> TickAnchor {
        var best = TickAnchor(ticks: 0, nanoseconds: 0, scale: scale)
        var bestWidth = UInt64.max
        for _ in 0..<3 {
            let before = TickClock.ticks(clock)
            let nanoseconds = TickClock.realtimeNanoseconds()
            let after = TickClock.ticks(clock)
            if after &- before < bestWidth {
                bestWidth = after &- before
                best.ticks = before &+ bestWidth / 2
                best.nanoseconds = nanoseconds
            }
        }
        return best
    }

    /// UTC, nanoseconds since 1970, of a moment before or after the anchor.
    @inline(__always)
    public func nanoseconds(at other: UInt64) -> UInt64 {
        let distance = Int64(bitPattern: other &- ticks)
        let product = distance.magnitude.multipliedFullWidth(by: scale)
        let nanosecondsAway = product.high &<< 32 | product.low &>> 32
        return distance < 0 ? nanoseconds &- nanosecondsAway : nanoseconds &+ nanosecondsAway
    }

    /// The rate between this anchor and a later one; nil if they are too close to tell, or if the time of day was set in
    /// between (the rate differs from the known one by more than one part in a thousand).
    public func scale(until later: TickAnchor, known: UInt64?) -> UInt64? {
        let ticksBetween = later.ticks &- ticks
        let between = later.nanoseconds &- nanoseconds
        guard
            Int64(bitPattern: ticksBetween) > 0, Int64(bitPattern: between) > 20_000,
            between < 1 << 62, ticksBetween > between >> 8
        else { return nil }
        // between * 2^32 / ticksBetween, in full width.
        let (quotient, _) = ticksBetween.dividingFullWidth((between >> 32, between << 32))
        guard let known else { return quotient }
        let difference = quotient > known ? quotient - known : known - quotient
        return difference <= known / 1000 ? quotient : nil
    }
}

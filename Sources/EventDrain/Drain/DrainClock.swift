import MetricsMemory

/// One moment on both of the machine's clocks.
public struct DrainMoment: Sendable {
    /// Nanoseconds since an arbitrary start; never goes back.
    public var monotonic: UInt64
    /// UTC, microseconds since 1970; may be set to another time.
    public var wall: Int64

    public init(monotonic: UInt64, wall: Int64) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// Where the drain gets the time from: the machine, or a simulation.
public struct DrainClock {
    private let read: () -> DrainMoment

    public init(read: @escaping () -> DrainMoment) { self.read = read }

    public static var machine: DrainClock {
        DrainClock {
            DrainMoment(
                monotonic: TickClock.monotonicNanoseconds(), wall: Int64(clamping: TickClock.realtimeNanoseconds() / 1000))
        }
    }

    var now: DrainMoment { read() }
    var monotonic: UInt64 { read().monotonic }
}

/// A task that is repeated once an interval has passed since it last began. Due at once if it was never done.
struct DrainTimer {
    /// Nanoseconds.
    let interval: UInt64
    private var last: UInt64?

    init(every nanoseconds: UInt64) { interval = nanoseconds }

    /// Whether the task is due, by the monotonic clock; if so, the interval starts over.
    mutating func isDue(_ now: UInt64) -> Bool {
        if let last, now &- last < interval { return false }
        last = now
        return true
    }

    /// Notes that the task was done now.
    mutating func restart(_ now: UInt64) { last = now }
}

import MetricsModel
import TestSupport

@testable import EventDrain

/// Both clocks of a simulated machine. Time passes when the simulation lets it, and a little whenever the drain looks.
final class SimulatedClock {
    /// Nanoseconds.
    private(set) var monotonic: UInt64 = 1_000_000_000_000
    /// Nanoseconds since 1970; when the clock is set, this may go back.
    private(set) var wall: UInt64 = 1_795_000_000_000_000_000
    /// The latest time of day that the drain may believe, in nanoseconds since 1970: in a server's first six hours, not a time
    /// to which the clock was set in that time, unless by less than a day.
    private(set) var credible: UInt64 = 1_795_000_000_000_000_000
    private var startedAt: UInt64 = 0
    private var random: SeededGenerator

    private static let day: UInt64 = 86_400_000_000_000
    private static let hold: UInt64 = 6 * 3_600_000_000_000

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    var drainClock: DrainClock {
        DrainClock { [self] in
            pass(random.next() % 2_000_000)
            return DrainMoment(monotonic: monotonic, wall: Int64(wall / 1000))
        }
    }

    func pass(_ nanoseconds: UInt64) {
        monotonic += nanoseconds
        wall += nanoseconds
        credible += nanoseconds
        if monotonic - startedAt >= Self.hold { believe() }
    }

    /// Somebody sets the time of day.
    func set(by nanoseconds: UInt64, forward: Bool) {
        wall = forward ? wall + nanoseconds : wall - min(nanoseconds, wall / 2)
        if wall < credible + Self.day || monotonic - startedAt >= Self.hold { believe() }
    }

    /// A server starts, and what its log says about the time may be as wrong as the clock.
    func begin() {
        startedAt = monotonic
        believe()
    }

    private func believe() { credible = max(credible, wall) }
}

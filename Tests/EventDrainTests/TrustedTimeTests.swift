import Testing

@testable import EventDrain

/// No single clock reading decides what leaves the log for good.
@Suite struct TrustedTimeTests {
    private static let day: Int64 = 86_400_000_000
    private static let year = 365 * day
    private static let hour: UInt64 = 3_600_000_000_000
    private static let start: Int64 = 1_790_000_000_000_000

    private func time(_ stored: Int64? = start) -> TrustedTime { TrustedTime(stored: stored, wall: Self.start, monotonic: 0) }

    @Test func anHourOfOrdinaryTimeIsFollowed() {
        var time = time()
        for minute in 1...60 {
            let wall = Self.start + Int64(minute) * 60_000_000
            #expect(time.read(wall: wall, monotonic: UInt64(minute) * 60_000_000_000) == nil)
            #expect(time.now(wall: wall) == wall)
        }
    }

    @Test func aServerThatWasDownForHalfADayIsBelievedAtOnce() {
        var time = time()
        let wall = Self.start + Self.day / 2
        #expect(time.read(wall: wall, monotonic: 1) == nil)
        #expect(time.now(wall: wall) == wall)
    }

    @Test("A jump counts once it has held for six hours", arguments: [374 * year, 3 * day, -3 * day])
    func jump(by gap: Int64) throws {
        var time = time()
        guard case .jumped(gap) = time.read(wall: Self.start + gap, monotonic: 0) else {
            Issue.record("the jump was not noticed")
            return
        }
        for hours in 1...5 as ClosedRange<UInt64> {
            let wall = Self.start + gap + Int64(hours * Self.hour / 1000)
            #expect(time.read(wall: wall, monotonic: hours * Self.hour) == nil)
            // The earlier of what the clock shows and what it would show without the jump.
            #expect(time.now(wall: wall) == min(wall, wall - gap))
        }
        let wall = Self.start + gap + Int64(6 * Self.hour / 1000)
        guard case .believed = time.read(wall: wall, monotonic: 6 * Self.hour) else {
            Issue.record("it was never believed")
            return
        }
        #expect(time.now(wall: wall) == wall)
    }

    @Test func aClockThatIsWrongForAMomentLeavesNoTrace() {
        var time = time()
        _ = time.read(wall: Self.start + 374 * Self.year, monotonic: 0)
        guard case .returned = time.read(wall: Self.start + 1_000_000, monotonic: 1_000_000_000) else {
            Issue.record("its return was not noticed")
            return
        }
        #expect(time.now(wall: Self.start + 1_000_000) == Self.start + 1_000_000)
    }

    @Test func anEmptyLogBelievesTheClock() {
        var time = time(nil)
        #expect(time.read(wall: Self.start, monotonic: 0) == nil)
        #expect(time.now(wall: Self.start) == Self.start)
    }

    @Test("No reading traps", arguments: [Int64.min, .max, 0], [Int64.min, .max, 0])
    func extremes(stored: Int64, wall: Int64) {
        var time = TrustedTime(stored: stored, wall: wall, monotonic: .max)
        for monotonic in [0, 1, UInt64.max / 2, .max] {
            _ = time.read(wall: wall, monotonic: monotonic)
            #expect(time.now(wall: wall) <= wall)
            _ = time.timeToSave()
        }
    }
}

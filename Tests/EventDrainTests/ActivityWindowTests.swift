import Testing

@testable import EventLog

@Suite struct ActivityWindowTests {
    private let step = ActivityWindow.stepMicroseconds
    private let now: Int64 = 1_795_000_000_000_000

    @Test func identitiesCountInTheWindowsInWhichTheyWereLastSeen() {
        var window = ActivityWindow()
        let today = ActivityWindow.step(now)
        window.move(from: -1, to: today)
        window.move(from: -1, to: today - 143)
        window.move(from: -1, to: today - 144)
        window.move(from: -1, to: today - 7 * 144 + 1)
        window.move(from: -1, to: today - 30 * 144 + 1)
        #expect(window.active(days: 1, nowMicroseconds: now) == 2)
        #expect(window.active(days: 7, nowMicroseconds: now) == 4)
        #expect(window.active(days: 30, nowMicroseconds: now) == 5)
    }

    @Test func whoIsSeenAgainCountsOnce() {
        var window = ActivityWindow()
        let today = ActivityWindow.step(now)
        window.move(from: -1, to: today - 200)
        window.move(from: today - 200, to: today)
        #expect(window.active(days: 1, nowMicroseconds: now) == 1)
        #expect(window.active(days: 30, nowMicroseconds: now) == 1)
    }

    @Test func whatIsOlderThanTheWindowLeavesIt() {
        var window = ActivityWindow()
        let then = ActivityWindow.step(now)
        window.move(from: -1, to: then)
        let month = 31 * 144 * step
        window.move(from: -1, to: ActivityWindow.step(now + month))
        #expect(window.active(days: 30, nowMicroseconds: now + month) == 1)
        // When the clock goes back, nobody counts as seen in the future.
        window.move(from: -1, to: then - 5)
        #expect(window.active(days: 1, nowMicroseconds: now + month) == 1)
    }
}

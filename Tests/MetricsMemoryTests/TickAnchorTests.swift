import Testing

@testable import MetricsMemory

@Suite struct TickAnchorTests {
    /// Nanoseconds per tick, times 2^32, of a counter of this many megahertz.
    private func scale(megahertz: UInt64) -> UInt64 { (1000 << 32) / megahertz }

    @Test(arguments: [1000, 2100, 3000, 24] as [UInt64])
    func ticksBeforeAndAfterAnAnchorAreItsTimePlusTheirDistance(megahertz: UInt64) {
        let anchor = TickAnchor(
            ticks: 1 << 50, nanoseconds: 1_795_000_000_000_000_000, scale: scale(megahertz: megahertz))
        for microseconds in [0, 1, 250_000, 3_600_000_000] as [UInt64] {
            let ticks = microseconds * megahertz
            let expected = microseconds * 1000
            let after = anchor.nanoseconds(at: anchor.ticks + ticks) - anchor.nanoseconds
            let before = anchor.nanoseconds - anchor.nanoseconds(at: anchor.ticks - ticks)
            // The scale has 32 fractional bits: over an hour that is about a microsecond.
            #expect(after <= expected && expected - after <= 2 + expected / 1_000_000_000)
            #expect(before <= expected && expected - before <= 2 + expected / 1_000_000_000)
        }
    }

    @Test func theRateBetweenTwoAnchorsIsFound() {
        let first = TickAnchor(ticks: 1000, nanoseconds: 5_000_000_000, scale: 0)
        let later = TickAnchor(ticks: 1000 + 300_000_000, nanoseconds: 5_100_000_000, scale: 0)
        #expect(first.scale(until: later, known: nil) == scale(megahertz: 3000))
    }

    @Test func aTimeOfDayThatWasSetIsNotTakenForARate() {
        let known = scale(megahertz: 3000)
        let first = TickAnchor(ticks: 0, nanoseconds: 5_000_000_000, scale: known)
        let ticks: UInt64 = 300_000_000
        for set in [-3_600_000_000_000, -1_000_000, 1_000_000, 3_600_000_000_000] as [Int64] {
            let nanoseconds = UInt64(bitPattern: 5_100_000_000 + set)
            let later = TickAnchor(ticks: ticks, nanoseconds: nanoseconds, scale: known)
            #expect(first.scale(until: later, known: known) == nil, "set by \(set) ns")
        }
        let later = TickAnchor(ticks: ticks, nanoseconds: 5_100_010_000, scale: known)
        #expect(first.scale(until: later, known: known) != nil, "slewed by one in ten thousand")
    }

    @Test func twoAnchorsTooCloseTellNoRate() {
        let first = TickAnchor(ticks: 1000, nanoseconds: 5000, scale: 0)
        #expect(first.scale(until: first, known: nil) == nil)
    }
}

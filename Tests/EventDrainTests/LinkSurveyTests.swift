import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import TestSupport
import Testing

/// Counting in bounded memory.
@Suite struct LinkSurveyTests {
    @Test(
        "Different numbers are counted exactly, or within 3 %", arguments: [0, 1, 1000, 262_144, 262_145, 1_000_000] as [UInt64])
    func distinct(count: UInt64) {
        var random = SeededGenerator.announced("distinct")
        let first = random.next() >> 8
        var distinct = DistinctCount()
        for number in 0..<count { distinct.add(first + number) }
        // The same numbers again are nothing new.
        for number in 0..<min(count, 1000) { distinct.add(first + number) }
        #expect(distinct.isEstimate == (count > 262_144))
        let error = distinct.value > count ? distinct.value - count : count - distinct.value
        #expect(error <= (distinct.isEstimate ? count * 3 / 100 : 0), "\(distinct.value) of \(count)")
    }

    @Test func aVeryLargeTableIsLookedAtFromItsNewEnd() throws {
        let history = try EpochHistory(identities: .plain, rotationDays: nil)
        try history.fetch(0..<1000, at: 1_800_000_000_000_000)
        let log = try #require(try DataSource(directory: history.directory).log())
        let all = try LinkSurvey.run(log) { _ in }
        #expect(all.rows == 1000 && !all.isPartial)
        let some = try LinkSurvey.run(log, rowLimit: 999) { _ in }
        #expect(some.rows == 999 && some.isPartial)
    }
}

import TestSupport
import Testing

@testable import EventDrain

@Suite struct ActivePeopleTests {
    private let now: Int64 = 1_795_000_000_000_000
    private let day: Int64 = 86_400_000_000

    private func see(_ range: Range<UInt64>, _ people: ActivePeople, at time: Int64) {
        for person in range {
            withUnsafeBytes(of: (person, UInt64(7))) { people.saw($0, at: time) }
        }
    }

    @Test(
        "The estimate is within 2 %, from a few people to a million", arguments: [0, 1, 10, 300, 5000, 40_000, 90_000, 1_000_000])
    func estimate(count: UInt64) {
        // Within 2 % in 999 of 1,000 cases: three sketches, and the middle one.
        let estimates = (0..<3).map { _ in
            let people = ActivePeople()
            see(0..<count, people, at: now)
            see(0..<count / 2, people, at: now + 1)
            return people.count(days: 30, nowMicroseconds: now)
        }.sorted()
        let error = abs(Double(estimates[1]) - Double(count))
        #expect(error <= max(0, Double(count) * 0.02), "\(estimates) for \(count)")
    }

    @Test func namesThatDifferInADigitAreToldApart() {
        let people = ActivePeople()
        for number in 0..<20_000 {
            Array("user\(number)".utf8).withUnsafeBytes { people.saw($0, at: now) }
        }
        #expect(abs(Int(people.count(days: 1, nowMicroseconds: now)) - 20_000) < 800)
    }

    @Test func aWindowHasThoseSeenInIt() {
        let people = ActivePeople()
        see(0..<8, people, at: now - 20 * day)
        see(8..<12, people, at: now - 5 * day)
        see(12..<14, people, at: now - day / 2)
        see(0..<1, people, at: now)
        func count(_ days: Int64, at time: Int64) -> Int { Int(people.count(days: days, nowMicroseconds: time)) }
        // Two of so few share a register once in three hundred times.
        #expect((2...3).contains(count(1, at: now)) && (6...7).contains(count(7, at: now)))
        #expect((13...14).contains(count(30, at: now)))
        #expect(count(1, at: now + 2 * day) == 0 && (2...3).contains(count(7, at: now + 6 * day)))
        #expect(count(30, at: now + 31 * day) == 0)
    }

    @Test func whoWasSeenUnderAClockThatWasWrongDoesNotCountToday() {
        let people = ActivePeople()
        see(0..<5, people, at: now + 300 * day)
        #expect(people.count(days: 30, nowMicroseconds: now) == 0)
        see(0..<5, people, at: now)
        #expect((4...5).contains(people.count(days: 1, nowMicroseconds: now)))
    }

    @Test func nobodyIsNoOne() {
        let people = ActivePeople()
        people.saw(UnsafeRawBufferPointer(start: nil, count: 0), at: now)
        #expect(people.count(days: 30, nowMicroseconds: now) == 0)
    }
}

import MetricsModel
import Readings
import TestSupport
import Testing

@testable import EventSearch

/// The memory of a count is bounded, and its parts do what plain dictionaries do.
@Suite struct CountLimitTests {
    @Test func groupsAreThoseOfADictionary() {
        var random = SeededGenerator.announced("groups")
        var question = CountQuestion()
        question.sum = .bytes
        var groups = CountGroups(question)
        var expected: [[Int64]: (Int64, UInt64)] = [:]
        // Small and large, with and without a second number.
        let firsts: [ClosedRange<Int64>] = [0...40, 0...5000, 4_194_000...4_195_000, -50...50, 1 << 40...1 << 40 + 300]
        for _ in 0..<100_000 {
            let first = Int64.random(in: firsts.randomElement(using: &random)!, using: &random)
            let second = Bool.random(using: &random) ? 0 : Int64.random(in: 0...30, using: &random)
            let sum = UInt64.random(in: 0...1000, using: &random)
            let before = expected[[first, second]] ?? (0, 0)
            expected[[first, second]] = (before.0 + 1, before.1 + sum)
            guard let index = groups.index(first, second) else { continue }
            groups.add(1, to: index)
            groups.add(sum: sum, to: index)
        }
        #expect(groups.count == expected.count && !groups.isFull)
        for index in 0..<groups.count {
            let known = expected[[groups.keys[2 * index], groups.keys[2 * index + 1]]]
            #expect(known?.0 == groups.events[index] && known?.1 == groups.sums[index])
        }
    }

    @Test func noGroupIsTakenBeyondTheLimit() {
        var groups = CountGroups(CountQuestion())
        var refused = 0
        for number in 0..<Int64(CountGroups.limit) where groups.index(number, number % 3) == nil { refused += 1 }
        #expect(refused == 0 && !groups.isFull)
        let beyond = groups.index(-1, 0)
        #expect(beyond == nil && groups.isFull)
        let known = groups.index(17, 2)
        #expect(known == 17, "those that are there are still found")
    }

    @Test func pairsAreThoseOfASet() {
        var random = SeededGenerator.announced("pairs")
        var pairs = DistinctPairs()
        var expected = [Set<Int64>](repeating: [], count: 40)
        for _ in 0..<50_000 {
            let group = Int.random(in: 0..<40, using: &random)
            let name = Int64.random(in: 1...(group < 20 ? 30 : 100_000), using: &random)
            pairs.add(name, to: group)
            expected[group].insert(name)
        }
        #expect(pairs.names == expected.map { Int64($0.count) })
    }

    @Test func aSumStaysAtTheLargestNumber() throws {
        var question = CountQuestion()
        question.sum = .bytes
        var groups = CountGroups(question)
        guard let index = groups.index(1, 0) else { throw TestFailure("no room for one group") }
        groups.add(sum: .max - 1, to: index)
        groups.add(sum: 5, to: index)
        #expect(groups.sums[index] == .max)
    }

    @Test(
        "Words of a reason are found in any order, by their beginnings, whatever their case",
        arguments: [
            ("invalid credentials", "CREDENTIALS invalid", true), ("invalid credentials", "inv cred", true),
            ("invalid credentials", "redentials", false), ("RateLimited", "rate limited", true),
            ("rate_limited", "RateLimited", true), ("RateLimited", "ratelim", true), ("rate limited", "ratelimited", false),
            ("неверный пароль", "ПАРОЛЬ", true), ("密码错误", "密码", true), ("locked, for \"good\"", "good locked", true),
            ("locked", "locked good", false), ("anything", "%", false), ("error 42", "42", true),
        ])
    func words(reason: String, asked: String, isFound: Bool) {
        #expect(ReasonWords(asked).match(reason) == isFound)
    }

    @Test func aClassIsTheOneThatTheHookFound() {
        // Where the log has [user], the hook saw a name.
        #expect(FailureClass(loggedReason: Array("unknown [user]".utf8)) == .other)
        #expect(FailureClass(loggedReason: Array("unknown user [user]".utf8)) == .unknownUser)
        #expect(FailureClass(loggedReason: Array("[user]: invalid password".utf8)) == .credentials)
        #expect(FailureClass(loggedReason: []) == .other)
    }
}

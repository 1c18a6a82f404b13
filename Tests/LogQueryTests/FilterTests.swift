import Foundation
import TestSupport
import Testing

/// `events` on a log of several segments finds what plain SQL over the rows finds, whatever happens to the rows.
@Suite struct FilterTests {
    private static let count = 200_000

    private func expectAlike(_ log: SeededLog, _ questions: Int, _ random: inout SeededGenerator) throws -> Int {
        var hits = 0
        for _ in 0..<(BuiltProducts.areSanitized ? questions / 8 : questions) {
            let question = EventConditions.random(log, &random)
            guard !question.isContradictory else {
                for words in [["events"], ["events", "-c"]] {
                    let outcome = try log.place.tool.run(words + question.arguments)
                    #expect(outcome.status == 64 && outcome.errors.contains("cannot be used with"), "\(question.arguments)")
                }
                continue
            }
            let expected = try log.place.log.query(question.sql).map { $0[0] }
            // The first column is the id, and no text in this log contains a line break.
            let rows = try log.place.tool.succeed(["events", "-o", "csv"] + question.arguments).lines.dropFirst()
            let found = rows.map { String($0.prefix { $0 != "," }) }
            #expect(found == expected, "\(question.arguments): \(found.count) for \(expected.count)")
            let counted = try log.place.tool.succeed(["events", "-c"] + question.arguments).text
            #expect(counted == "\(expected.count)\n", "\(question.arguments)")
            hits += expected.isEmpty ? 0 : 1
        }
        return hits
    }

    @Test func anyMixtureBeforeAndAfterRowsLeave() throws {
        var random = SeededGenerator.announced("filters over segments")
        let log = try SeededLog(
            seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: Self.count)
        #expect(try log.seals() == 3)
        var hits = try expectAlike(log, 45, &random)
        // Half of the first segment.
        try log.prune(before: log.start + 30_000_000_000)
        #expect(try log.seals() == 2)
        hits += try expectAlike(log, 25, &random)
        let before = try log.place.tool.count()
        try log.forget(user: SeededLog.user(1))
        #expect(try log.place.tool.count() < before)
        #expect(try log.seals() == 2)
        hits += try expectAlike(log, 30, &random)
        #expect(hits > (BuiltProducts.areSanitized ? 3 : 30))
    }
}

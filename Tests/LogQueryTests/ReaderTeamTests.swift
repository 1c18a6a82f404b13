import Foundation
import MetricsModel
import TestSupport
import Testing

/// Long answers come from several threads. They are the same, byte for byte, as those of one thread.
@Suite struct ReaderTeamTests {
    /// Ten segments and part of another: enough for threads to pay.
    private static let events = 700_000

    /// The same command allowed only one processor, which reads with one thread.
    private func alone(_ place: DataPlace, _ arguments: [String]) throws -> Outcome {
        try run(["taskset", "-c", try Self.processor(), BuiltProducts.commandLine] + arguments + ["--dir", place.path])
    }

    /// A processor that this process may use.
    private static func processor() throws -> String {
        let outcome = try run(["taskset", "-pc", "\(getpid())"])
        let list = outcome.text.split(separator: ":").last ?? ""
        let first = list.split { !$0.isNumber }.first
        return try #require(first.map { String($0) }, "\(outcome.text)")
    }

    private func expectAlike(_ place: DataPlace, _ arguments: [String]) throws -> Int {
        let together = try place.tool.run(arguments)
        let alone = try alone(place, arguments)
        #expect(together.status == alone.status && together.errors == alone.errors, "\(arguments): \(together.errors)")
        #expect(together.output == alone.output, "\(arguments): \(together.output.count) bytes for \(alone.output.count)")
        return together.lines.count
    }

    @Test func anyNumberOfThreadsGivesTheSameAnswer() throws {
        if try run(["nproc"]).text.hasPrefix("1\n") { print("note: one processor, so that no answer comes from several threads") }
        var random = SeededGenerator.announced("answers of several threads")
        let log = try SeededLog(seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: Self.events)
        let identity = hex(SeededLog.identity(0))
        let middle = "@\((log.start + log.end) / 2 / 1_000_000)"

        // All rows, most of them, few of many segments, and a part; with another query's place to resume.
        #expect(try expectAlike(log.place, ["events", "-o", "csv"]) == Self.events + 1)
        #expect(try expectAlike(log.place, ["events", "-o", "ndjson", "--after", "1234"]) == Self.events - 1234)
        #expect(try expectAlike(log.place, ["events", "-o", "ndjson", "--identity", identity]) > 20_000)
        #expect(try expectAlike(log.place, ["events", "-o", "csv", "--kind", "auth", "--until", middle]) > 20_000)
        #expect(try expectAlike(log.place, ["events", "-o", "ndjson", "--failed", "--reason", "expired"]) > 1000)

        for by in ["sender", "sender,recipient", "identity,kind", "channel,hour", "class"] {
            #expect(try expectAlike(log.place, ["count", "--by", by, "-o", "csv", "--last"]) > 1, "\(by)")
        }
        #expect(try expectAlike(log.place, ["count", "--by", "recipient", "--sum", "bytes", "-o", "ndjson"]) > 100)
        #expect(try expectAlike(log.place, ["count", "--by", "user", "--having", "failed_before_ok>=3", "-o", "csv"]) > 1)
        #expect(try expectAlike(log.place, ["count", "--identity", identity, "--by", "kind", "--max", "bytes", "-o", "csv"]) > 1)
    }

    /// A reader that leaves takes the threads with it.
    @Test func aReaderMayLeave() throws {
        var random = SeededGenerator.announced("answers that nobody reads to the end")
        let log = try SeededLog(seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: Self.events)
        let command =
            "\(BuiltProducts.commandLine) events -o csv --dir '\(log.place.path)' | head -n 100000 | wc -l; echo ${PIPESTATUS[0]}"
        let outcome = try run(["bash", "-c", command])
        #expect(outcome.text == "100000\n141\n", "\(outcome.text)\(outcome.errors)")
    }
}

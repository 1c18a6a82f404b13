import Foundation
import TestSupport
import Testing

/// `recover --salvage`: what can be read of a damaged log goes into a new one.
@Suite struct SalvageTests {
    private let directory = TemporaryDirectory()
    private static let events = 70_000
    private static let pageBytes = 4096

    private func damagedCopy(of log: SeededLog, _ damage: (inout [UInt8]) -> Void) throws -> String {
        // What the writer has not checkpointed lies in the WAL.
        try log.checkpoint()
        var bytes = try read(log.place("events.db"))
        damage(&bytes)
        let file = directory("events.db.damaged-20261122T140501Z")
        try overwrite(file, with: bytes)
        return file
    }

    /// - Returns: what the command said, and the saved events by id.
    private func salvage(_ file: String, _ tool: CommandLineTool, _ number: Int = 0) throws -> (
        text: String, events: [UInt64: LoggedEvent], place: String
    ) {
        let place = directory("saved-\(number)")
        let outcome = try tool.succeed("recover", "--salvage", file, "--into", place)
        let verified = try CommandLineTool(place).run("verify")
        #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
        let events = try CommandLineTool(place).events()
        return (outcome.text, Dictionary(uniqueKeysWithValues: events.map { (UInt64($0.id), $0) }), place)
    }

    /// Whether an event is the original, or lost nothing but names.
    private func isOriginal(_ event: LoggedEvent, _ original: LoggedEvent) -> Bool {
        event.allSatisfy { original[$0.key] == $0.value }
    }

    @Test func whatIsReadableIsSavedAndOnlyADamagedPagesRowsAreLost() throws {
        var random = SeededGenerator.announced("salvage")
        let log = try SeededLog(seed: random.next(), start: 1_774_600_000_000_000, step: 1_000_000, events: Self.events)
        let original = Dictionary(uniqueKeysWithValues: try log.place.tool.events().map { (UInt64($0.id), $0) })
        let tool = log.place.tool

        let sound = try salvage(damagedCopy(of: log) { _ in }, tool)
        #expect(sound.events == original)
        #expect(sound.text.contains("70,000 events saved") && sound.text.contains("match their checksums: every event"))
        // Counters, too, are those of the saved events.
        let samples = try CommandLineTool(sound.place).exposition()
        #expect(samples.sum("qpc_plugin_events_written_total") == UInt64(original.count))
        #expect(samples.sum("qpc_auth_failures_total") == UInt64(original.values.count { $0["ok"]?.flag == false }))

        let pages = try read(log.place("events.db")).count / Self.pageBytes
        for round in 1...4 {
            var page = 0
            let file = try damagedCopy(of: log) { bytes in
                // A leaf of some table: 0x0D.
                repeat { page = Int.random(in: 1..<pages, using: &random) } while bytes[page * Self.pageBytes] != 0x0D
                let junk = round % 2 == 0 ? [UInt8](repeating: 0, count: Self.pageBytes) : random.bytes(Self.pageBytes)
                bytes.replaceSubrange(page * Self.pageBytes..<(page + 1) * Self.pageBytes, with: junk)
            }
            let saved = try salvage(file, tool, round)
            #expect(saved.events.count >= original.count - 500, "page \(page): \(saved.text)")
            #expect(saved.events.allSatisfy { isOriginal($0.value, original[$0.key] ?? [:]) }, "page \(page)")
        }

        // Without its first page nothing says where the tables are; another log's does.
        let headless = try salvage(
            damagedCopy(of: log) { $0.replaceSubrange(0..<Self.pageBytes, with: random.bytes(4096)) }, tool, 9)
        #expect(headless.events == original && headless.text.contains("the first page was unreadable"))
        let half = try salvage(damagedCopy(of: log) { $0.removeLast(pages / 2 * Self.pageBytes) }, tool, 10)
        #expect(half.events.allSatisfy { isOriginal($0.value, original[$0.key] ?? [:]) })
        #expect(half.text.contains("do not match their checksums"))
    }

    @Test func whatCannotBeSavedIsAnErrorAndNothingIsOverwritten() throws {
        let log = try SeededLog(seed: 1, start: 1_774_600_000_000_000, step: 1_000_000, events: 500)
        let tool = log.place.tool
        let file = try damagedCopy(of: log) { _ in }
        let junk = directory("junk")
        try overwrite(junk, with: [UInt8](repeating: 7, count: 20_000))
        let before = try read(log.place("events.db"))
        for (words, status, says) in [
            (["--salvage", file], 64, "used together"), (["--into", directory("x")], 64, "used together"),
            (["--salvage", file, "--into", log.place.path], 64, "already holds events.db"),
            (["--salvage", file, "--into", directory("x"), "--dir", log.place.path], 64, "--dir cannot be used"),
            (["--salvage", directory("nothing"), "--into", directory("x")], 66, "No such file"),
            (["--salvage", junk, "--into", directory("y")], 1, "no event could be read"),
        ] as [([String], Int32, String)] {
            let outcome = try tool.run(["recover"] + words)
            #expect(outcome.status == status && outcome.errors.contains(says), "\(words): \(outcome.errors)")
        }
        #expect(try read(log.place("events.db")) == before)
    }
}

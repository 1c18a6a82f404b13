import Foundation
import TestSupport
import Testing

/// Hostile names and reasons by the hundred thousand: a scrape always parses and has the same series, and no control
/// character reaches a terminal.
///
/// `QPC_HOSTILE_TEXTS` says about how many events carry them (20,000).
@Suite struct HostileOutputTests {
    let place = DataPlace()

    private func series(_ place: DataPlace) throws -> Set<String> { Set(try place.tool.exposition().samples.keys) }

    @Test func noTextReachesAMetricOrATerminal() throws {
        let wanted = UInt64(FaultFigures.count("QPC_HOSTILE_TEXTS", usually: 20_000))
        var generator = SeededGenerator.announced("hostile texts")
        let quiet = DataPlace()
        let other = try quiet.server(["IDENTITIES": "plain"])
        try other.shutDown()
        let expected = try series(quiet)

        let host = try place.server(["IDENTITIES": "plain"])
        var events: UInt64 = 0
        while events < wanted {
            let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
            events += try host.tally("hostile seed=\(seed) rounds=\(min(20_000, wanted / 4 + 1))").total
            try expectScrape(expected)
        }
        try host.shutDown()
        try expectScrape(expected)
        try expectTerminal()
        try place.tool.verify()
        FaultFigures.record("hostile texts, events", tries: Int(events))
    }

    private func expectScrape(_ expected: Set<String>) throws {
        #expect(try series(place) == expected)
        let tool = "\(BuiltProducts.commandLine) prometheus --dir \(place.path)"
        let lint = try shell("set -o pipefail; \(tool) | promtool check metrics")
        #expect(lint.status == 0, "\(lint.text)\(lint.errors)")
        guard (try? run([BuiltProducts.python, "-c", "import prometheus_client"]).status) == 0 else {
            return skip("the strict parser", because: "\(BuiltProducts.python) has no prometheus_client")
        }
        let parse =
            "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse; "
            + "print(sum(len(family.samples) for family in parse(sys.stdin.read())))"
        let parsed = try shell("set -o pipefail; \(tool) --format openmetrics | \(BuiltProducts.python) -c '\(parse)'")
        #expect(parsed.status == 0, "\(parsed.errors)")
    }

    /// Prints all events to a real terminal, in each format that people read.
    private func expectTerminal() throws {
        for format in ["table", "ndjson", "csv"] {
            let output = place.temporary("terminal-\(format)")
            let tool = "\(BuiltProducts.commandLine) events --dir \(place.path) -o \(format)"
            let shown = try shell("NO_COLOR=1 PAGER=cat script -qec '\(tool)' /dev/null </dev/null >\(output)")
            #expect(shown.status == 0, "\(shown.errors)")
            let bytes = try read(output)
            #expect(bytes.count > 100_000)
            let bad = Self.controls(bytes)
            #expect(bad.isEmpty, "\(format): \(bad)")
        }
    }

    /// Control characters other than line ends, including those from 0x80 to 0x9F in their UTF-8 form.
    private static func controls(_ bytes: [UInt8]) -> Set<String> {
        var found: Set<String> = []
        var before: UInt8 = 0
        for byte in bytes {
            if byte == 0x7F || (byte < 0x20 && byte != 0x0A && byte != 0x0D) { found.insert(hex([byte])) }
            if before == 0xC2, byte >= 0x80, byte < 0xA0 { found.insert(hex([before, byte])) }
            // CSV's line ends have their own CR before the terminal's.
            if before == 0x0D && byte != 0x0A && byte != 0x0D { found.insert("0d") }
            before = byte
        }
        return found
    }
}

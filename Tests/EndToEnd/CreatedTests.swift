import Foundation
import TestSupport
import Testing

/// `_created` is the moment when the counters began, for as long as they continue.
@Suite struct CreatedTests {
    let place = DataPlace()

    /// The one moment that all of the plugin's counters and histograms report; nil if they report none.
    private func created() throws -> String? {
        let page = try place.tool.succeed("prometheus", "--format", "openmetrics").text
        let moments = Set(
            page.split(separator: "\n").filter { $0.prefix { $0 != "{" && $0 != " " }.hasSuffix("_created") }
                .compactMap { $0.split(separator: " ").last.map(String.init) })
        #expect(moments.count < 2, "\(moments)")
        return moments.first
    }

    private func begin() throws -> String {
        let before = Double(microsecondsNow()) / 1e6
        let host = try place.server()
        try host.ask("auth user=text:alice ok=0 reason=text:credentials")
        let moment = try #require(try created())
        #expect(Double(moment)! >= before && Double(moment)! <= Double(microsecondsNow()) / 1e6)
        try host.shutDown()
        return moment
    }

    @Test func itOutlivesRestartsAndKills() throws {
        let moment = try begin()
        #expect(try created() == moment)
        for _ in 0..<2 {
            let host = try place.server()
            #expect(try created() == moment)
            try host.ask("fetch count=1")
            host.kill()
            #expect(try created() == moment)
        }
        _ = try place.tool.succeed("recover")
        #expect(try created() == moment)
    }

    @Test(arguments: ["deleted", "damaged"])
    func itOutlivesTheLog(_ fate: String) throws {
        let moment = try begin()
        if fate == "deleted" {
            for name in ["events.db", "events.db-wal", "events.db-shm"] { unlink(place(name)) }
        } else {
            try overwrite(place("events.db"), with: Array(repeating: 0x58, count: 8192))
        }
        let host = try place.server()
        #expect(try created() == moment)
        try host.shutDown()
        // The new log knows it too.
        unlink(place("live.qpcm"))
        #expect(try created() == moment)
    }

    @Test func itOutlivesTheLiveFile() throws {
        let moment = try begin()
        unlink(place("live.qpcm"))
        #expect(try created() == moment)
        let host = try place.server()
        #expect(try created() == moment)
        try host.shutDown()
    }

    @Test func anOlderLogBringsItsOwn() throws {
        let moment = try begin()
        try place.log.change("UPDATE state SET value = value - 5000000000 WHERE key = 'created_ns'")
        try place.log.change("DELETE FROM state WHERE key = 'account_check'")
        let host = try place.server()
        let older = try #require(try created())
        #expect(abs(Double(moment)! - Double(older)! - 5) < 0.001)
        try host.shutDown()
    }

    @Test func whatIsNotKnownIsNotTold() throws {
        _ = try begin()
        unlink(place("live.qpcm"))
        try place.log.change("DELETE FROM state WHERE key IN ('created_ns', 'account_check')")
        #expect(try created() == nil)
        // If nobody knows when the counters began, they must not claim to begin now.
        let host = try place.server()
        #expect(try created() == nil)
        try host.shutDown()
    }

    @Test func newCountersBeginAnew() throws {
        let moment = try begin()
        for name in names(in: place.path) { unlink(place(name)) }
        let host = try place.server()
        let next = try #require(try created())
        #expect(Double(next)! > Double(moment)!)
        try host.shutDown()
    }
}

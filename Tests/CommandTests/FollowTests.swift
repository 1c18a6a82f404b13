import Foundation
import TestSupport
import Testing

/// `events --follow`: each event once, in order, whatever happens to servers and logs.
@Suite struct FollowTests {
    let place = DataPlace()

    private func follow(_ arguments: String...) throws -> ChildProcess {
        try overwrite(place.temporary("said"), with: [])
        return try ChildProcess(
            [BuiltProducts.commandLine, "events", "-f", "-o", "ndjson", "--dir", place.path] + arguments,
            errorFile: place.temporary("said"))
    }

    private func next(_ child: ChildProcess) throws -> LoggedEvent {
        guard let line = try child.line(within: ServerHost.patience) else {
            throw TestFailure("it ended: \(String(decoding: try read(place.temporary("said")), as: UTF8.self))")
        }
        return try NDJSON.decode(Array((line + "\n").utf8))[0]
    }

    private func ids(_ child: ChildProcess, _ count: Int) throws -> [UInt64] {
        try (0..<count).map { _ in try next(child).id }
    }

    @Test func itShowsTheNewestTenAndThenWhatComesAlsoFromTheNextServer() throws {
        let host = try place.server()
        try host.ask(all: (0..<25).map { "fetch count=\($0)" })
        try eventually("25 are in the log") { try place.tool.count() == 25 }
        let child = try follow()
        #expect(try ids(child, 10) == Array(16...25))
        try host.ask(all: (0..<5).map { "fetch count=\($0)" })
        #expect(try ids(child, 5) == Array(26...30))
        try host.shutDown()
        let again = try place.server()
        try again.ask(all: (0..<300).map { "fetch count=\($0)" })
        #expect(try ids(child, 300) == Array(31...330))
        child.kill(SIGINT)
        #expect(child.wait() == -SIGINT)
        #expect(try read(place.temporary("said")).isEmpty)
        try again.shutDown()
    }

    /// Also a list that was read before there was a log.
    @Test func keysThatAreRegisteredLaterGetTheirNames() throws {
        try overwrite(place.temporary("names"), with: Array("alice\n".utf8))
        let child = try follow("--names", place.temporary("names"))
        let host = try place.server()
        let key = String(repeating: "0a1b2c3d", count: 8)
        try host.ask("auth user=text:alice ok=1")
        #expect(try next(child)["user_name"]?.text == "alice")
        try host.ask("message sender=\(key) recipient=\(key) channel=\(key.prefix(32)) bytes=9 seq=1")
        #expect(try next(child)["sender_name"] == nil)
        try host.ask("register user=text:alice identity=\(key)")
        #expect(try next(child)["identity_name"]?.text == "alice")
        try host.ask("message sender=\(key) recipient=\(key) channel=\(key.prefix(32)) bytes=9 seq=2")
        let later = try next(child)
        #expect(later["sender_name"]?.text == "alice" && later["recipient_name"]?.text == "alice")
        child.kill(SIGINT)
        #expect(child.wait() == -SIGINT)
        try host.shutDown()
    }

    @Test func filtersHoldAndAfterResumesWithoutGapOrRepeat() throws {
        let host = try place.server()
        let calls = (0..<40).map { $0 % 4 == 0 ? "auth user=text:u ok=0 reason=text:locked" : "fetch count=\($0)" }
        try host.ask(all: calls)
        try eventually("40 are in the log") { try place.tool.count() == 40 }
        let child = try follow("--failed", "--after", "9")
        #expect(try ids(child, 7) == [13, 17, 21, 25, 29, 33, 37])
        let failed = try nextFailure(host, after: 40)
        #expect(try next(child).id == failed)
        child.kill(SIGTERM)
        let last = try follow("-n", "1", "--reason", "LOCK")
        #expect(try next(last).id == failed)
        let again = try nextFailure(host, after: failed)
        #expect(try next(last).id == again)
        try host.shutDown()
    }

    private func nextFailure(_ host: ServerHost, after id: UInt64) throws -> UInt64 {
        try host.ask("auth user=text:u ok=0 reason=text:locked")
        return id + 1
    }

    @Test func itWaitsForALogAndGoesOnInTheOneThatReplacesIt() throws {
        let child = try follow()
        try eventually("it says that it waits") { try !read(place.temporary("said")).isEmpty }
        let host = try place.server()
        try host.ask(all: (0..<12).map { "fetch count=\($0)" })
        #expect(try ids(child, 12) == Array(1...12))
        try host.shutDown()
        // Moved away by hand, as the plugin quarantines a damaged log.
        for suffix in ["", "-wal", "-shm"] { rename(place("events.db\(suffix)"), place("old.db\(suffix)")) }
        let again = try place.server()
        try again.ask(all: (0..<7).map { "auth user=text:u\($0) ok=1" })
        let events = try (0..<7).map { _ in try next(child) }
        #expect(events.map(\.id) == Array(1...7))
        #expect(events.allSatisfy { $0.kind == "auth" })
        try again.shutDown()
    }

    @Test func aReaderThatLeavesEndsItThoughNoEventComes() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        try eventually("it is in the log") { try place.tool.count() == 1 }
        let piped = try shell(
            "\(BuiltProducts.commandLine) events -f --dir \(place.path) -o ndjson | head -1; echo ${PIPESTATUS[0]}")
        #expect(piped.errors.isEmpty && piped.lines.last == "141", "\(piped.errors) \(piped.text)")
        try host.shutDown()
    }

    @Test("What has no meaning with it is refused", arguments: [["-o", "json"], ["-c"], ["-r"]])
    func refusals(arguments: [String]) throws {
        let outcome = try place.tool.run(["events", "-f"] + arguments)
        #expect(outcome.status == 64 && outcome.errorLines.count == 1 && outcome.output.isEmpty)
    }
}

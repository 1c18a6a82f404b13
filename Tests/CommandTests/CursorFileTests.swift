import Foundation
import TestSupport
import Testing

/// `events --cursor-file`: a job that runs again and again sees each event once.
@Suite struct CursorFileTests {
    let place = DataPlace()
    private var cursor: String { place.temporary("cursor") }

    private func ids(_ words: String...) throws -> [UInt64] {
        let outcome = try place.tool.succeed(["events", "-o", "ndjson", "--cursor-file", cursor] + words)
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        return try NDJSON.decode(outcome.output).map(\.id)
    }

    private func send(_ count: Int, to host: ServerHost, now all: UInt64) throws {
        try host.ask(all: (0..<count).map { $0 % 2 == 0 ? "fetch count=\($0)" : "auth user=text:u ok=0 reason=text:locked" })
        try eventually("\(all) are in the log") { try place.tool.count() == all }
    }

    @Test func eachRunContinuesWhereTheLastOneEnded() throws {
        let host = try place.server()
        try send(6, to: host, now: 6)
        #expect(try ids() == Array(1...6))
        #expect(try ids().isEmpty)
        try send(4, to: host, now: 10)
        #expect(try ids("--failed") == [8, 10])
        try send(4, to: host, now: 14)
        // With every filter, from the last event printed.
        #expect(try ids() == [11, 12, 13, 14])
        try host.shutDown()
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.temporary.path).sorted() == ["cursor", "data"])
    }

    @Test func aFileThatCannotBeMadeIsSaidBeforeAnythingIsPrinted() throws {
        let tool = Fixture.plain.place.tool
        for more in [[], ["-f"]] {
            let outcome = try tool.run(["events", "--cursor-file", place.temporary("nowhere/cursor")] + more)
            #expect(outcome.status == 66 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("cannot create --cursor-file"))
        }
    }

    @Test func theRunsOutputsMakeOneTable() throws {
        let host = try place.server()
        try host.ask("auth user=text:u ok=1")
        try eventually("it is in the log") { try place.tool.count() == 1 }
        let words = ["events", "-o", "csv", "--cursor-file", cursor]
        func run(_ more: String...) throws -> [String] { try place.tool.run(words + more).lines }
        // Nothing yet, and no file: no heading either.
        #expect(try run("--failed").isEmpty)
        try send(4, to: host, now: 5)
        var table = try run()
        #expect(table.count == 6 && table[0].hasPrefix("id,time,kind,"))
        #expect(try run().isEmpty)
        try send(2, to: host, now: 7)
        table += try run()
        let whole = try place.tool.succeed("events", "-o", "csv").lines
        #expect(table == whole)
        try host.shutDown()
    }

    @Test func afterOutputThatFailedTheSameEventsComeAgain() throws {
        let host = try place.server()
        try send(200, to: host, now: 200)
        try host.shutDown()
        let tool = "\(BuiltProducts.commandLine) events --dir \(place.path) -o ndjson --cursor-file \(cursor)"
        #expect(try shell("\(tool) >/dev/full").status == 1)
        #expect(!FileManager.default.fileExists(atPath: cursor))
        #expect(try ids() == Array(1...200))
    }

    @Test func anotherLogIsReadFromItsBeginning() throws {
        let host = try place.server()
        try send(6, to: host, now: 6)
        #expect(try ids() == Array(1...6))
        try host.shutDown()
        try FileManager.default.removeItem(atPath: place.path)
        let other = try place.server()
        try send(8, to: other, now: 8)
        try other.shutDown()
        let outcome = try place.tool.run("events", "-o", "ndjson", "--cursor-file", cursor)
        #expect(outcome.status == 0 && outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("cursor is from another log; beginning at the start of this one"))
        #expect(try NDJSON.decode(outcome.output).map(\.id) == Array(1...8))
        #expect(try ids().isEmpty)
    }

    @Test func followingKeepsItToo() throws {
        let host = try place.server()
        try send(12, to: host, now: 12)
        #expect(try ids("-n", "3") == [10, 11, 12])
        try overwrite(place.temporary("said"), with: [])
        let child = try ChildProcess(
            [BuiltProducts.commandLine, "events", "-f", "-o", "ndjson", "--dir", place.path, "--cursor-file", cursor],
            errorFile: place.temporary("said"))
        try send(3, to: host, now: 15)
        for id in UInt64(13)...15 {
            let line = try #require(try child.line(within: ServerHost.patience))
            #expect(try NDJSON.decode(Array((line + "\n").utf8))[0].id == id)
        }
        try eventually("the cursor is that of the last event") {
            try String(decoding: read(cursor), as: UTF8.self).hasPrefix("15 ")
        }
        child.kill(SIGKILL)
        _ = child.wait()
        try send(2, to: host, now: 17)
        #expect(try ids() == [16, 17])
        try host.shutDown()
    }

    @Test func whatContradictsItIsRefused() throws {
        let host = try place.server()
        try send(2, to: host, now: 2)
        try host.shutDown()
        for words in [["-c"], ["-r"], ["--after", "1"]] {
            let outcome = try place.tool.run(["events", "--cursor-file", cursor] + words)
            #expect(outcome.status == 64 && outcome.errors.contains("\(words[0]) cannot be used with --cursor-file"))
        }
        for text in ["", "12", "twelve o'clock\n", "12 13", "12 13 14\n"] {
            try overwrite(cursor, with: Array(text.utf8))
            let outcome = try place.tool.run("events", "--cursor-file", cursor)
            #expect(outcome.status == 64 && outcome.errors.contains("is not a valid cursor file"), "\(text): \(outcome.errors)")
            #expect(outcome.output.isEmpty)
        }
        #expect(try place.tool.run("events", "--cursor-file", place.path).status == 1)
    }
}

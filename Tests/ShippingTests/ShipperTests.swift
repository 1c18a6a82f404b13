import EventLog
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import Synchronization
import TestSupport
import Testing

@testable import Shipping

/// What a shipper makes of a server that fails, with a stand-in for ClickHouse that says what the test needs.
@Suite struct ShipperTests {
    private let place = DataPlace()

    /// A server that has the events 5 to 10, and fails to say so the first two times.
    private final class Engine: Sendable {
        let failures = Mutex(2)
        let insertions = Mutex(0)

        func answer(_ path: String, _ statement: String) -> StandInHTTP.Answer {
            if path.contains("query=INSERT") {
                insertions.withLock { $0 += 1 }
                return .init()
            }
            if statement.contains("version()") { return .init(200, "18.16.1\n") }
            if statement.contains("system.columns") {
                return .init(200, ShipSchema.columns.map { $0.name + "\n" }.joined())
            }
            if statement.contains("system.processes") { return .init(200, "0\n") }
            if statement.contains("max(id)") {
                let fails = failures.withLock { left in
                    left -= 1
                    return left >= 0
                }
                return fails
                    ? .init(500, "Code: 242, e.displayText() = Table is in readonly mode\n") : .init(200, Self.number(10))
            }
            if statement.contains("groupUniqArray(id)") {
                return .init(200, "\u{6}" + (5...10).map { Self.number($0) }.joined())
            }
            return .init(500, "unexpected: \(statement)")
        }

        private static func number(_ value: UInt8) -> String {
            String(Character(Unicode.Scalar(value))) + String(repeating: "\0", count: 7)
        }
    }

    /// A log of ten events, and the cursor of a shipper that had sent four of them.
    private func makeLog() throws -> ShipCursorFile {
        try #require(mkdir(place.path, 0o755) == 0)
        let writer = try EventLogWriter(directory: place.path, mode: .plain, keys: nil, syncEachCommit: false)
        try writer.beginTransaction()
        for _ in 0..<10 {
            var event = Event()
            event.timeMicroseconds = 1_000_000 * writer.nextID
            try writer.append(event)
        }
        try writer.commitTransaction(session: (1, 1), rings: [], ringed: { _ in 0 }, direct: { _ in 0 })
        return try ShipCursorFile(place.temporary("cursor"))
    }

    private func shipper(
        to server: StandInHTTP, _ file: ShipCursorFile, removed: @escaping (String) -> Void = { _ in }
    ) throws -> Shipper {
        let target = try ShipTarget("clickhouse+http://127.0.0.1:\(server.port)/qpc")
        var cursor = ShipCursor(target: target.description, server: "chat-1")
        cursor.branch = try EventLogReader(directory: place.path).branches().first?.name
        cursor.sent = 4
        try file.write(cursor)
        return try Shipper(
            DataSource(directory: place.path), to: ClickHouse(target, password: "", authorityFile: nil), as: "chat-1",
            cursor: file, say: removed)
    }

    @Test func aServerIsAskedUntilItAnswersWhatItHas() throws {
        let engine = Engine()
        let server = try StandInHTTP.posted { engine.answer($0, $1) }
        let shipper = try shipper(to: server, makeLog())
        for _ in 1...2 { #expect(throws: ShipError.self) { try shipper.step() } }
        guard case .sent = try shipper.step() else { throw TestFailure("nothing was sent") }
        // It had all of them.
        #expect(shipper.totals.known == 6 && shipper.totals.events == 0)
        #expect(engine.insertions.withLock { $0 } == 0)
        server.close()
    }

    @Test func aLossIsCountedOnceThoughTheServerFails() throws {
        let engine = Engine()
        let server = try StandInHTTP.posted { engine.answer($0, $1) }
        let file = try makeLog()
        try SQLiteShell(place.path).change("DELETE FROM \(Event().kind.table) WHERE id <= 7")
        var said: [String] = []
        let shipper = try shipper(to: server, file) { said.append($0) }
        for _ in 1...2 { #expect(throws: ShipError.self) { try shipper.step() } }
        _ = try shipper.step()
        #expect(said == ["3 events left the log before they were sent: ids 5 to 7"])
        #expect(shipper.totals.skipped == 3 && shipper.totals.known == 3)
        server.close()
    }
}

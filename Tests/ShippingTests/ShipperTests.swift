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
        /// What it has of the ids from 5 on.
        private let has: ClosedRange<UInt8>?

        init(has: ClosedRange<UInt8>? = 5...10) { self.has = has }

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
                    ? .init(500, "Code: 242, e.displayText() = Table is in readonly mode\n")
                    : .init(200, Self.number(has?.upperBound ?? 0))
            }
            if statement.contains("groupUniqArray(id)") {
                return .init(
                    200, String(Character(Unicode.Scalar(UInt8(has?.count ?? 0)))) + (has ?? 1...1).map(Self.number).joined())
            }
            if statement.contains("uniqExact(id)") {
                // An insertion is of the three events that it lacks.
                return .init(200, Self.number(UInt8(has?.count ?? 0) + UInt8(insertions.withLock { $0 } * 3)))
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
        to server: StandInHTTP, _ file: ShipCursorFile, began: Int64 = 4, removed: @escaping (String) -> Void = { _ in }
    ) throws -> Shipper {
        let target = try ShipTarget("clickhouse+http://127.0.0.1:\(server.port)/qpc")
        var cursor = ShipCursor(target: target.description, server: "chat-1")
        cursor.branch = try EventLogReader(directory: place.path).branches().first?.name
        cursor.sent = 4
        cursor.began = began
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
        #expect(shipper.totals.removed == 0)
        #expect(said == ["3 events left the log before they were sent: ids 5 to 7"])
        #expect(shipper.totals.skipped == 3 && shipper.totals.known == 3)
        server.close()
    }

    /// - Parameter has: what the server has; `began`: when the shipment began.
    @Test(arguments: [(nil, 4, 2), (5...10, 4, 0), (5...6, 4, 1), (nil, 9, 0)] as [(ClosedRange<UInt8>?, Int64, UInt64)])
    func whatIsNeitherInTheLogNorThereIsCounted(has: ClosedRange<UInt8>?, began: Int64, removed: UInt64) throws {
        let engine = Engine(has: has)
        engine.failures.withLock { $0 = 0 }
        let server = try StandInHTTP.posted { engine.answer($0, $1) }
        let file = try makeLog()
        try SQLiteShell(place.path).change("DELETE FROM \(Event().kind.table) WHERE id IN (6, 8)")
        var said: [String] = []
        let shipper = try shipper(to: server, file, began: began) { said.append($0) }
        _ = try shipper.step()
        #expect(shipper.totals.removed == removed && shipper.totals.skipped == 0)
        #expect(said.count == (removed == 0 ? 0 : 1), "\(said)")
        if let line = said.first { #expect(line.hasSuffix("of the ids 5 to 10 left the log before they were sent"), "\(line)") }
        #expect(try shipper.lag() == ShipLag())
        server.close()
    }

    @Test func theLagIsWhatTheLogHasBeyondTheCursor() throws {
        let server = try StandInHTTP.posted { _, _ in .init(500, "") }
        let file = try makeLog()
        let shipper = try shipper(to: server, file)
        #expect(try shipper.lag() == ShipLag(events: 6, oldestMicroseconds: 5_000_000))
        let source = DataSource(directory: place.path)
        let shipment = try #require(try Shipment(file.path, of: source))
        #expect(shipment.lag.events == 6)
        #expect(shipment.isBehind(now: 305_000_001) && !shipment.isBehind(now: 305_000_000))
        // It is of this year, and the events of 1970.
        #expect(
            !shipment.isStale(now: shipment.writtenMicroseconds + 1)
                && shipment.isStale(now: shipment.writtenMicroseconds + 300_000_001))
        // What was removed from the beginning does not wait, and nor does anything once all is gone.
        try SQLiteShell(place.path).change("DELETE FROM \(Event().kind.table) WHERE id <= 7")
        #expect(try shipper.lag() == ShipLag(events: 3, oldestMicroseconds: 8_000_000))
        try SQLiteShell(place.path).change("DELETE FROM \(Event().kind.table)")
        #expect(try shipper.lag() == ShipLag())
        let other = TemporaryDirectory()
        #expect(try Shipment(file.path, of: DataSource(directory: other.path)) == nil)
        server.close()
    }

    @Test func theCursorsOfTheServiceAreFound() throws {
        let all = TemporaryDirectory()
        for name in ["b", "a", "empty", ".hidden"] {
            mkdir(all(name), 0o755)
            if name != "empty" { try overwrite(all(name) + "/" + Shipment.fileName, with: []) }
        }
        #expect(Shipment.files(in: all.path) == ["a", "b"].map { all($0) + "/" + Shipment.fileName })
        #expect(Shipment.files(in: all("none")) == [])
    }
}

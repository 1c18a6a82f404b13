import EventLog
import EventSearch
import Glibc
import MetricsModel
import TestSupport
import Testing

/// `(branch, id)` names one event for ever, whatever becomes of the log.
@Suite struct BranchTests {
    private let place = DataPlace()

    init() throws { try #require(mkdir(place.path, 0o755) == 0) }

    private func open() throws -> EventLogWriter {
        try EventLogWriter(directory: place.path, mode: .plain, keys: nil, syncEachCommit: false)
    }

    private func write(_ writer: EventLogWriter, _ count: Int) throws {
        try writer.beginTransaction()
        for _ in 0..<count {
            var event = Event()
            event.timeMicroseconds = 1_000_000 * writer.nextID
            try writer.append(event)
        }
        try writer.commitTransaction(session: (1, 1), rings: [], ringed: { _ in 0 }, direct: { _ in 0 })
    }

    private func branches() throws -> [LogBranch] { try EventLogReader(directory: place.path).branches() }

    @Test func aLogWithoutEventsHasNone() throws {
        let writer = try open()
        try write(writer, 0)
        #expect(try branches() == [])
    }

    @Test func eachWriterThatWritesBeginsOne() throws {
        var writer = try open()
        try write(writer, 3)
        try write(writer, 2)
        writer = try open()
        try write(writer, 0)
        writer = try open()
        try write(writer, 1)
        let found = try branches()
        #expect(found.map(\.firstID) == [1, 6])
        #expect(found.allSatisfy { $0.name.count == 16 })
        #expect(found[0].name != found[1].name)
    }

    @Test func aCopyThatIsPutBackGoesOnUnderAnotherName() throws {
        var writer: EventLogWriter? = try open()
        try write(writer!, 3)
        try writer?.checkpoint(truncating: true)
        writer = nil
        #expect(try shell("cp -a \(place.path) \(place.temporary("copy"))").status == 0)
        writer = try open()
        try write(writer!, 4)
        let original = try branches()
        writer = nil

        #expect(try shell("rm -rf \(place.path) && mv \(place.temporary("copy")) \(place.path)").status == 0)
        writer = try open()
        try write(writer!, 4)
        let restored = try branches()
        #expect(original.map(\.firstID) == [1, 4])
        #expect(restored.map(\.firstID) == [1, 4])
        #expect(original[0] == restored[0])
        #expect(original[1].name != restored[1].name)
    }

    @Test func whatWasRolledBackBeginsNone() throws {
        let writer = try open()
        try write(writer, 1)
        writer.continueIDs(from: 100)
        try writer.beginTransaction()
        try writer.append(Event())
        writer.rollBack()
        #expect(try branches().map(\.firstID) == [1])
        try write(writer, 1)
        let found = try branches()
        #expect(found.count == 2)
        #expect(found[0].name != found[1].name)
    }

    @Test func idsThatGoOnFromAnotherLogAreABranchOfTheirOwn() throws {
        let writer = try open()
        try write(writer, 2)
        writer.continueIDs(from: 50)
        try write(writer, 2)
        #expect(try branches().map(\.firstID) == [1, 50])
    }

    @Test func anOlderLogGetsANameForItsRows() throws {
        var writer: EventLogWriter? = try open()
        try write(writer!, 5)
        writer = nil
        try place.log.change("DROP TABLE branch")
        #expect(try branches() == [])
        writer = try open()
        let named = try branches()
        #expect(named.map(\.firstID) == [1])
        try write(writer!, 1)
        writer = nil
        let found = try branches()
        #expect(found.map(\.firstID) == [1, 6])
        #expect(found.first == named.first)
    }

    @Test func verifyingFindsNothingWrong() throws {
        try write(try open(), 5)
        let log = try EventLogReader(directory: place.path)
        #expect(try log.accountProblem() == nil)
        #expect(try log.integrityProblems() == [])
    }

    @Test func ofVeryManyOnlyThoseWithRowsAreKept() throws {
        let writer = try open()
        try write(writer, 1)
        try writer.database.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
            INSERT INTO branch SELECT i, randomblob(16) FROM n
            """, operation: "write")
        // Retention has removed all before 1,400.
        try writer.database.execute("DELETE FROM fetch", operation: "write")
        writer.continueIDs(from: 1501)
        try write(writer, 1)
        let found = try branches()
        #expect(found.count == 1000)
        #expect(found.first?.firstID == 502)
        #expect(found.last?.firstID == 1501)
    }
}

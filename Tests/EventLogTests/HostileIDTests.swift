import EventLog
import EventSearch
import Glibc
import MetricsModel
import Readings
import TestSupport
import Testing

/// Ids come from a file. None of them may decide how long a loop runs or how deep a call goes.
@Suite struct HostileIDTests {
    private let place = DataPlace()

    init() throws { try #require(mkdir(place.path, 0o755) == 0) }

    private func openWriter() throws -> EventLogWriter {
        try EventLogWriter(directory: place.path, mode: .plain, keys: nil, syncEachCommit: false)
    }

    private func fetch(_ writer: EventLogWriter, person: UInt8, at microseconds: Int64) throws {
        try writer.beginTransaction()
        try [UInt8](repeating: person, count: 32).withUnsafeBytes { key in
            var event = Event()
            event.timeMicroseconds = microseconds
            event.field0 = key
            try writer.append(event)
        }
        try writer.commitTransaction(session: (1, 1), rings: [], ringed: { _ in 0 }, direct: { _ in 0 })
    }

    /// One event, a gap, and one more event.
    private func makeGap(to id: Int64) throws -> EventLogWriter {
        let writer = try openWriter()
        try fetch(writer, person: 1, at: 1_000_000)
        writer.continueIDs(from: id)
        try fetch(writer, person: 2, at: 9_000_000)
        return writer
    }

    private func rows() throws -> Int64 {
        try Database(path: place.path + "/events.db", mode: .reader).integer("SELECT count(*) FROM fetch") ?? 0
    }

    private func work(_ writer: EventLogWriter, _ step: () throws -> Bool) throws {
        for _ in 0..<100 {
            try writer.beginTransaction()
            let isDone = try step()
            try writer.commitTransaction(session: (1, 1), rings: [], ringed: { _ in 0 }, direct: { _ in 0 })
            if isDone { return }
        }
        Issue.record("100 steps were not enough")
    }

    // Segments in between: 18,310 (once enough to overflow a thread's stack); 65,536 (one flipped bit of last_id); 2³⁰.
    @Test("A gap in the ids costs a few steps", arguments: [1_200_000_000, 1 << 32, 1 << 46] as [Int64])
    func gap(id: Int64) throws {
        let writer = try makeGap(to: id)

        let retention = try writer.retention(before: 5_000_000, maxBytes: nil)
        try work(writer) {
            _ = try retention.step()
            return retention.isDone
        }
        #expect(try rows() == 1, "the old event left, the new one stayed")

        let collection = try writer.nameCollection()
        try work(writer) {
            try collection.step()
            return collection.isDone
        }
        #expect(collection.deleted == 1)

        let key = [UInt8](repeating: 2, count: 32)
        let erasure = try writer.erasure(
            users: [], identities: writer.storedForms(of: key, isText: false), text: nil)
        try work(writer) {
            _ = try erasure.step()
            return erasure.isDone
        }
        #expect(try rows() == 0)
    }

    @Test("Retention by size crosses a gap in a few steps", arguments: [1 << 32, 1 << 46] as [Int64])
    func sizeGap(id: Int64) throws {
        let writer = try makeGap(to: id)
        let retention = try writer.retention(before: 0, maxBytes: 1)
        try work(writer) {
            _ = try retention.step()
            return retention.isDone
        }
        #expect(try rows() == 0)
    }

    @Test("A reader counts across a gap", arguments: [1 << 32, 1 << 46] as [Int64])
    func readerAcrossGap(id: Int64) throws {
        _ = try makeGap(to: id)
        let reader = try EventLogReader(directory: place.path)
        var filter = EventFilter()
        filter.sinceMicroseconds = 0
        #expect(try reader.count(filter) == 2)
        filter.sinceMicroseconds = 5_000_000
        #expect(try reader.count(filter) == 1)
    }

    @Test("An id that no log can have given is damage", arguments: [Int64.max, Int64.min, -1, 1 << 48] as [Int64])
    func impossibleID(id: Int64) throws {
        _ = try makeGap(to: 100)
        let database = try Database(path: place.path + "/events.db", mode: .writer)
        try database.execute("UPDATE fetch SET id = \(id) WHERE id = 1", operation: "write")
        #expect(cause { _ = try openWriter() } == .corrupt)
        var filter = EventFilter()
        filter.sinceMicroseconds = 0
        #expect(cause { _ = try EventLogReader(directory: place.path).count(filter) } == .corrupt)
    }

    @Test("A last id that no log can have given is damage", arguments: [Int64.max, Int64.min, -1, 1 << 48] as [Int64])
    func impossibleLastID(id: Int64) throws {
        _ = try makeGap(to: 100)
        let database = try Database(path: place.path + "/events.db", mode: .writer)
        try database.execute("UPDATE state SET value = \(id) WHERE key = 'last_id'", operation: "write")
        // An id that is too low is corrected by the ids of the rows.
        let isLow = id < 0
        #expect(cause { _ = try openWriter() } == (isLow ? nil : .corrupt))
    }

    private func cause(_ body: () throws -> Void) -> FlushErrorCause? {
        do { try body() } catch { return (error as? LogError)?.cause }
        return nil
    }
}

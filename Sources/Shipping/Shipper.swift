import Doctor
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// Why events cannot be sent.
public enum ShipError: Error {
    case log(DataSourceError)
    case cursor(ShipCursorError)
    case engine(ClickHouseError)
    /// The cursor belongs to another target or server.
    case otherCursor(path: String, target: String, server: String)
    /// The log has no branches: no plugin of this version has opened it.
    case unnamed(path: String)
    /// Identities are written as they come.
    case plain
    case noTables(String)
}

/// Sends a log's events to a ClickHouse server, each one once.
///
/// A batch is a range of ids, whole segments where that many wait. The range is on disk, in the cursor, before its first byte
/// leaves; so it is sent again as the same range, whatever dies in between. Whether a batch that may have been sent has arrived
/// is asked of the server, which is told only what it lacks. A batch is one block for each day of its events, because the
/// server takes a block of one day whole or not at all.
public final class Shipper {
    public struct Totals: Sendable {
        public var events: UInt64 = 0
        public var batches: UInt64 = 0
        /// Events that the server had already.
        public var known: UInt64 = 0
        /// Events that left the log before they were sent.
        public var skipped: UInt64 = 0
        /// Events that were removed from among others before they were sent.
        public var removed: UInt64 = 0
        public var firstID: Int64?
        public var lastID: Int64?
        /// Names and keys that were not pseudonyms and were left out.
        public var leftOut: UInt64 = 0
    }

    public enum Step: Sendable {
        /// A batch has arrived; there may be more.
        case sent
        case nothing
        /// There is no log.
        case missing
    }

    private let source: DataSource
    private let server: ClickHouse
    private let name: String
    private var rows: ShippedRows { ShippedRows(server: server, name: name) }
    private let file: ShipCursorFile
    private var cursor: ShipCursor
    private let say: (String) -> Void
    public private(set) var totals = Totals()

    private var log: EventLogReader?
    private var logFile: FileIdentity?
    /// Nil until the server has been asked.
    private var settings: [(String, String)]?
    /// Batches up to this id may have been sent before: the server is asked.
    private var askUpTo: Int64 = 0
    private var hasAskedNewest = false

    /// - Parameter say: is told what people should know, a line each.
    public init(
        _ source: DataSource, to server: ClickHouse, as name: String, cursor file: ShipCursorFile,
        say: @escaping (String) -> Void
    ) throws(ShipError) {
        self.source = source
        self.server = server
        self.name = name
        self.file = file
        self.say = say
        let fresh = ShipCursor(target: server.target.description, server: name)
        do throws(ShipCursorError) {
            cursor = try file.read() ?? fresh
            // Nothing was sent yet.
            if cursor.branch == nil { cursor = fresh }
        } catch {
            throw .cursor(error)
        }
        guard cursor.target == fresh.target, cursor.server == fresh.server else {
            throw .otherCursor(path: file.path, target: cursor.target, server: cursor.server)
        }
        cursor.log = Shipment.name(of: source)
        // So that it is known of before it has reached its server.
        do { try file.write(cursor) } catch { throw .cursor(error) }
    }

    // MARK: Steps

    /// Sends the next batch.
    ///
    /// - Throws: `ShipError`. The same step can be tried again.
    public func step() throws(ShipError) -> Step {
        guard let log = try openLog() else { return .missing }
        if settings == nil { settings = try findSettings() }
        guard var place = try place(in: log) else { return .nothing }
        let oldest: Int64
        do throws(LogError) {
            oldest = try log.oldestID() ?? place.newest &+ 1
        } catch {
            throw .log(.log(error))
        }
        let skipped = totals.skipped
        if !place.isKnown { cursor.began = place.newest }
        skip(&place, to: oldest)
        while place.from >= place.last, let next = place.next {
            place = next
            skip(&place, to: oldest)
        }
        // So that they are counted once, whatever becomes of this step.
        if totals.skipped != skipped { try save(place, sending: place.sending) }
        guard place.from < place.last else {
            try save(place, sending: nil)
            return .nothing
        }
        if !hasAskedNewest {
            if place.isKnown { askUpTo = max(askUpTo, try newestThere(place, log)) }
            // Not before there is an answer: without it, what is there would be sent again.
            hasAskedNewest = true
        }
        let end = Segment.endID(Segment.of(place.from &+ 1)) &- 1
        let to = place.sending ?? min(place.last, end)
        try save(place, sending: to)
        let arrived: UInt64
        do {
            arrived = try send(place.branch, from: place.from, to: to, log)
        } catch {
            // It may have arrived all the same.
            if case .engine(let error) = error, error.isUncertain { askUpTo = max(askUpTo, to) }
            throw error
        }
        countRemoved(from: place.from, to: to, arrived: arrived)
        cursor.sent = to
        cursor.sending = nil
        totals.batches += 1
        totals.firstID = totals.firstID ?? place.from &+ 1
        totals.lastID = to
        return .sent
    }

    /// The newest id of the log; nil if there is no log.
    public func newestID() throws(ShipError) -> Int64? {
        guard let log = try openLog() else { return nil }
        do { return try log.lastID() } catch { throw .log(.log(error)) }
    }

    /// How far behind the log it is; the log is read for it, and the server not asked.
    public func lag() throws(ShipError) -> ShipLag {
        guard let log = try openLog() else { return ShipLag() }
        do { return try ShipLag.read(log, cursor) } catch { throw .log(.log(error)) }
    }

    /// The last id that has arrived.
    public var sentID: Int64 { cursor.sent }

    /// Records that everything has arrived, so that the next start need not ask.
    public func settle() throws(ShipError) {
        guard cursor.branch != nil else { return }
        do { try file.write(cursor) } catch { throw .cursor(error) }
    }

    private func save(_ place: Place, sending: Int64?) throws(ShipError) {
        cursor.branch = place.branch.name
        cursor.sent = place.from
        cursor.sending = sending
        do { try file.write(cursor) } catch { throw .cursor(error) }
    }

    // MARK: The log

    private func openLog() throws(ShipError) -> EventLogReader? {
        let found = FileIdentity(at: source.logPath)
        let isPlain: Bool
        do throws(DataSourceError) {
            if log == nil || found != logFile {
                log = nil
                log = try source.log()
                logFile = found
            }
            // The server may have been restarted with another setting.
            isPlain = try source.live()?.header.settings.identities == .plain
        } catch {
            throw .log(error)
        }
        if isPlain { throw .plain }
        return log
    }

    /// Where to go on.
    private struct Place {
        let branches: [LogBranch]
        var index: Int
        /// The newest id of the log.
        let newest: Int64
        /// The last id that has arrived, or that is not there to send.
        var from: Int64
        /// The end of the batch that was being sent.
        var sending: Int64?
        /// Whether the cursor knows this place.
        var isKnown: Bool

        var branch: LogBranch { branches[index] }
        /// The last id of the branch so far.
        var last: Int64 { index + 1 < branches.count ? min(newest, branches[index + 1].firstID &- 1) : newest }

        /// The beginning of the next branch; nil if this is the last one.
        var next: Place? {
            guard index + 1 < branches.count else { return nil }
            var next = self
            next.index += 1
            next.from = next.branch.firstID &- 1
            next.sending = nil
            return next
        }
    }

    /// Nil if the log has no events.
    private func place(in log: EventLogReader) throws(ShipError) -> Place? {
        let branches: [LogBranch]
        let newest: Int64
        do throws(LogError) {
            try log.database.execute("BEGIN", operation: "read")
            defer { try? log.database.execute("ROLLBACK", operation: "read") }
            branches = try log.branches()
            newest = try log.lastID()
        } catch {
            throw .log(.log(error))
        }
        guard !branches.isEmpty else {
            guard newest == 0 else { throw .unnamed(path: source.logPath) }
            return nil
        }
        guard let name = cursor.branch, let index = branches.firstIndex(where: { $0.name == name }) else {
            // Another log, or an older copy of this one: what it has in common with what was sent, the server knows.
            askUpTo = max(askUpTo, newest)
            return Place(
                branches: branches, index: 0, newest: newest, from: branches[0].firstID &- 1, sending: nil, isKnown: false)
        }
        var place = Place(
            branches: branches, index: index, newest: newest, from: cursor.sent, sending: cursor.sending, isKnown: true)
        if let to = place.sending, to > place.last {
            askUpTo = max(askUpTo, min(to, newest))
            place.sending = nil
        }
        if place.from > place.last {
            // The branch ended earlier than what was sent of it: this is a copy, or the log's newest events were lost.
            askUpTo = max(askUpTo, newest)
            place.from = place.last
        }
        while place.from >= place.last, let next = place.next { place = next }
        // A batch that was begun, by this process or an earlier one.
        if let sending = place.sending { askUpTo = max(askUpTo, sending) }
        return place
    }

    /// Passes over what retention has removed.
    private func skip(_ place: inout Place, to oldest: Int64) {
        let next = min(oldest &- 1, place.last)
        guard next > place.from else { return }
        if place.isKnown {
            // Ids of a damaged log may be any numbers.
            let count = UInt64(bitPattern: next &- place.from)
            totals.skipped &+= count
            let events = Quantity.count(count, "event")
            say("\(events) left the log before they were sent: ids \(place.from &+ 1) to \(next)")
        }
        place.from = next
        if let sending = place.sending, sending <= next { place.sending = nil }
    }

    /// Counts ids of a batch that no event has arrived for. Those from before the shipment began may have had theirs removed long
    /// ago.
    private func countRemoved(from: Int64, to: Int64, arrived: UInt64) {
        let ids = UInt64(bitPattern: to &- from)
        guard ids > arrived, let began = cursor.began, from >= began else { return }
        totals.removed &+= ids - arrived
        let events = Quantity.count(ids - arrived, "event")
        say("\(events) of the ids \(from &+ 1) to \(to) left the log before they were sent")
    }

    // MARK: The server

    /// What each insertion asks for, by what the server understands.
    private func findSettings() throws(ShipError) -> [(String, String)] {
        do throws(ClickHouseError) {
            let version = try server.version()
            if let problem = try ShipSchema.problem(server) { throw .refused(status: 404, code: 60, text: problem) }
            // An answer means that the rows are in the table, on every node that was to have them: not in some queue. A block is
            // not divided, however the server's own settings are.
            var settings = [
                ("max_insert_block_size", "1048576"), ("min_insert_block_size_rows", "1048576"),
                ("min_insert_block_size_bytes", "268435456"), ("insert_distributed_sync", "1"),
            ]
            if version >= ShipSchema.modern { settings += [("async_insert", "0"), ("insert_deduplicate", "1")] }
            hasTokens = version >= ShipSchema.modern
            return settings
        } catch {
            throw .engine(error)
        }
    }

    private var hasTokens = false

    /// The largest id that the server has of the branch, beyond a place: a cursor put back from a copy does not know it.
    private func newestThere(_ place: Place, _ log: EventLogReader) throws(ShipError) -> Int64 {
        var filter = EventFilter()
        filter.afterID = place.from
        filter.beforeID = place.from + Segment.ids
        var time: Int64?
        do throws(LogError) {
            var events = try log.events(filter)
            time = try events.next()?.timeMicroseconds
        } catch {
            throw .log(.log(error))
        }
        guard let time else { return place.from }
        do { return try rows.newest(of: place.branch, since: time) } catch { throw .engine(error) }
    }

    /// The rows of one day, ready to be sent.
    private struct Block {
        var body: [UInt8]
        var ids: [Int64]
        var times: ClosedRange<Int64>
    }

    /// - Returns: how many of the batch's events the server now has.
    private func send(_ branch: LogBranch, from: Int64, to: Int64, _ log: EventLogReader) throws(ShipError) -> UInt64 {
        var days: Set<Int64> = []
        var isFirst = true
        var arrived: UInt64 = 0
        var times: ClosedRange<Int64>?
        while isFirst || !days.isEmpty {
            // Each further day of a batch costs another reading of it, instead of memory.
            let day = isFirst ? nil : days.min()
            let block = try block(branch, from, to, log, day: day, notIn: [], others: isFirst ? { days.insert($0) } : nil)
            isFirst = false
            if let day { days.remove(day) }
            // What was of that day may have left the log by now.
            guard let block else { continue }
            arrived += try send(block, branch, from, to, log)
            let all = times ?? block.times
            times = min(all.lowerBound, block.times.lowerBound)...max(all.upperBound, block.times.upperBound)
        }
        // A removed event may have arrived before, and is not among the times of the others.
        if from < askUpTo, arrived < UInt64(bitPattern: to &- from) {
            do { return try rows.count(of: branch, after: from, upTo: to, times: times) } catch { throw .engine(error) }
        }
        return arrived
    }

    /// - Returns: how many of the day's events the server now has.
    private func send(
        _ block: Block, _ branch: LogBranch, _ from: Int64, _ to: Int64, _ log: EventLogReader
    ) throws(ShipError) -> UInt64 {
        let day = Self.day(block.times.lowerBound)
        let token = "\(branch.name.hexadecimal)/\(from &+ 1)-\(to)/\(day)"
        var block = block
        var suffix = ""
        var known: UInt64 = 0
        if from < askUpTo {
            let there: Set<Int64>
            do throws(ClickHouseError) {
                // The request of a shipper that was killed may still be at work.
                try rows.wait(for: token)
                there = try rows.ids(of: branch, after: from, upTo: to, times: block.times)
            } catch {
                throw .engine(error)
            }
            let missing = block.ids.count - block.ids.reduce(0) { $0 + (there.contains($1) ? 1 : 0) }
            totals.known += UInt64(block.ids.count - missing)
            known = UInt64(there.count)
            if missing == 0 { return known }
            if missing < block.ids.count {
                guard let rest = try self.block(branch, from, to, log, day: day, notIn: there, others: nil) else { return known }
                block = rest
                suffix = "/rest-\(missing)"
            }
        }
        let columns = ShipSchema.columns.map { "`\($0.name)`" }.joined(separator: ", ")
        var settings = (self.settings ?? []) + [("query_id", token + suffix)]
        if hasTokens { settings.append(("insert_deduplication_token", name + "/" + token + suffix)) }
        do {
            try server.insert(
                "INSERT INTO \(ShipSchema.table) (\(columns)) FORMAT RowBinary", settings: settings, body: block.body)
        } catch {
            throw .engine(error)
        }
        totals.events += UInt64(block.ids.count)
        return known + UInt64(block.ids.count)
    }

    static let dayMicroseconds: Int64 = 86_400_000_000

    static func day(_ time: Int64) -> Int64 {
        time >= 0 ? time / dayMicroseconds : (time + 1) / dayMicroseconds - 1
    }

    /// - Parameter day: nil for that of the first event.
    /// - Parameter others: is told the other days.
    /// - Returns: nil if there are no such events.
    private func block(
        _ branch: LogBranch, _ from: Int64, _ to: Int64, _ log: EventLogReader, day: Int64?, notIn there: Set<Int64>,
        others: ((Int64) -> Void)?
    ) throws(ShipError) -> Block? {
        var filter = EventFilter()
        filter.afterID = from
        filter.beforeID = to + 1
        let encoder = RowEncoder(server: name, branch: branch.name)
        var ids: [Int64] = []
        var times = (first: Int64.max, last: Int64.min)
        var day = day
        do throws(LogError) {
            var events = try log.events(filter)
            while let event = try events.next() {
                let own = Self.day(event.timeMicroseconds)
                if day == nil { day = own }
                guard own == day else {
                    others?(own)
                    continue
                }
                if !there.isEmpty, there.contains(event.id) { continue }
                encoder.append(event)
                ids.append(event.id)
                times = (min(times.first, event.timeMicroseconds), max(times.last, event.timeMicroseconds))
            }
        } catch {
            throw .log(.log(error))
        }
        let body = encoder.finish()
        guard !ids.isEmpty else { return nil }
        totals.leftOut += encoder.leftOut
        return Block(body: body, ids: ids, times: times.first...times.last)
    }
}

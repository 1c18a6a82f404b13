import Doctor
import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Readings

/// Compares what a server has with what the log has of the events that have been sent: by log, kind and day, how many they are,
/// and the sum of a hash of each row. Where these differ, row by row.
public final class ShipVerifier {
    /// The rows of one log, kind and day that differ.
    public struct Difference: Sendable {
        public var log: [UInt8]
        public var kind: EventKind
        /// Days since 1970.
        public var day: Int64
        public var inLog: UInt64
        public var inEngine: UInt64
        /// Events that the server lacks.
        public var missing: UInt64 = 0
        /// Rows that the log does not have, and may have had.
        public var extra: UInt64 = 0
        /// Events that are other ones there.
        public var changed: UInt64 = 0
        /// The ids of some of them, ascending.
        public var ids: [Int64] = []
    }

    public struct Report: Sendable {
        /// The events that were compared: the first and the last id.
        public var ids: ClosedRange<Int64>?
        public var events: UInt64 = 0
        public var days = 0
        public var differences: [Difference] = []
        /// Rows of this log, older than everything that is left of it.
        public var older: UInt64 = 0
        /// Rows under other names: of a log that was deleted, or of the rest of one that was put back from a copy.
        public var ofOthers: UInt64 = 0
        /// Events that have not been sent yet, counted by id.
        public var waiting: UInt64 = 0

        public var isSame: Bool { differences.isEmpty }
    }

    public enum Trouble: Error {
        case ship(ShipError)
        case noCursor(path: String)
        /// Nothing has been sent yet.
        case nothingSent(path: String)
        /// The cursor is of another log than the directory has now.
        case otherLog(path: String)
    }

    private struct Key: Hashable {
        var branch: Int
        var kind: Int
        var day: Int64
    }

    private struct Sum: Equatable {
        var count: UInt64 = 0
        var hashes: UInt64 = 0
        var first = Int64.max
        var last = Int64.min

        mutating func add(_ id: Int64, _ hash: UInt64) {
            count += 1
            hashes &+= hash
            first = min(first, id)
            last = max(last, id)
        }

        static func == (one: Sum, other: Sum) -> Bool { one.count == other.count && one.hashes == other.hashes }
    }

    private static let idsSaid = 10

    private let log: EventLogReader
    private let server: ClickHouse
    private let name: String
    private let since: Int64?
    private let digest = RowDigest()
    private let branches: [LogBranch]
    private let newest: Int64
    /// The last id that has arrived.
    private let sent: Int64

    /// - Parameter path: of the cursor file, which says what has been sent.
    /// - Parameter since: microseconds since 1970: compares the events from that time's day on; nil for all.
    public init(
        _ source: DataSource, with server: ClickHouse, as name: String, cursor path: String, since: Int64?
    ) throws(Trouble) {
        self.server = server
        self.name = name
        self.since = since.map { Shipper.day($0) * Shipper.dayMicroseconds }
        let cursor: ShipCursor
        do { cursor = try ShipCursorFile.look(path).cursor } catch {
            throw error.isMissing ? .noCursor(path: path) : .ship(.cursor(error))
        }
        guard cursor.target == server.target.description, cursor.server == name else {
            throw .ship(.otherCursor(path: path, target: cursor.target, server: cursor.server))
        }
        do throws(DataSourceError) { log = try source.requiredLog() } catch { throw .ship(.log(error)) }
        do throws(LogError) {
            (branches, newest) = try Self.extent(log)
        } catch {
            throw .ship(.log(.log(error)))
        }
        guard let branch = cursor.branch else { throw .nothingSent(path: path) }
        guard let index = branches.firstIndex(where: { $0.name == branch }) else { throw .otherLog(path: path) }
        let last = index + 1 < branches.count ? branches[index + 1].firstID &- 1 : newest
        sent = min(cursor.sent, last)
    }

    private static func extent(_ log: EventLogReader) throws(LogError) -> (branches: [LogBranch], newest: Int64) {
        try log.database.execute("BEGIN", operation: "read")
        defer { try? log.database.execute("ROLLBACK", operation: "read") }
        return (try log.branches(), try log.lastID())
    }

    public func run() throws(ShipError) -> Report {
        var report = Report()
        report.waiting = newest > sent ? UInt64(bitPattern: newest &- sent) : 0
        do throws(ClickHouseError) {
            if let problem = try ShipSchema.problem(server) { throw .refused(status: 404, code: 60, text: problem) }
        } catch {
            throw .engine(error)
        }
        let here = try sums()
        // What retention removes in the meantime is looked at again, row by row.
        let oldest = try oldestID()
        var there: [Key: Sum] = [:]
        for day in Set(here.keys.map(\.day)).union(try days()).sorted() {
            try addSums(of: day, oldest: oldest, to: &there, &report)
            if here.keys.contains(where: { $0.day == day }) { report.days += 1 }
        }
        let ids = here.values.reduce(into: (first: Int64.max, last: Int64.min)) {
            $0 = (min($0.first, $1.first), max($0.last, $1.last))
        }
        if ids.first <= ids.last { report.ids = ids.first...ids.last }
        report.events = here.values.reduce(0) { $0 + $1.count }
        for key in Set(here.keys).union(there.keys).sorted(by: { ($0.day, $0.kind, $0.branch) < ($1.day, $1.kind, $1.branch) })
        where here[key] != there[key] {
            if let difference = try compare(key, here[key] ?? Sum(), there[key] ?? Sum(), &report) {
                report.differences.append(difference)
            }
        }
        return report
    }

    // MARK: The log

    private func oldestID() throws(ShipError) -> Int64 {
        do throws(LogError) { return try log.oldestID() ?? newest &+ 1 } catch { throw .log(.log(error)) }
    }

    private func branch(of id: Int64) -> Int { (branches.lastIndex { $0.firstID <= id }) ?? 0 }

    private func sums() throws(ShipError) -> [Key: Sum] {
        let oldest = try oldestID()
        var sums: [Key: Sum] = [:]
        var key = Key(branch: 0, kind: 0, day: 0)
        var sum = Sum()
        var branch = branch(of: oldest)
        try read(from: oldest, to: sent) { id, time, kind, hash in
            if let since, time < since { return }
            while branch + 1 < branches.count, branches[branch + 1].firstID <= id { branch += 1 }
            let own = Key(branch: branch, kind: kind, day: Shipper.day(time))
            if own != key {
                if sum.count > 0 { sums[key] = sum }
                key = own
                sum = sums[own] ?? Sum()
            }
            sum.add(id, hash)
        }
        if sum.count > 0 { sums[key] = sum }
        return sums
    }

    private func read(
        from first: Int64, to last: Int64, _ take: (_ id: Int64, _ time: Int64, _ kind: Int, _ hash: UInt64) -> Void
    ) throws(ShipError) {
        guard first <= last else { return }
        var filter = EventFilter()
        filter.afterID = first &- 1
        filter.beforeID = last &+ 1
        do throws(LogError) {
            var events = try log.events(filter)
            while let event = try events.next() {
                take(event.id, event.timeMicroseconds, event.kind.index, digest.hash(event))
            }
        } catch {
            throw .log(.log(error))
        }
    }

    // MARK: The server

    private static let day = Shipper.dayMicroseconds

    /// `FINAL`: rows that are there twice until their parts are merged are one.
    private var rows: String { "FROM \(ShipSchema.table) FINAL WHERE server = \(ClickHouse.literal(name))" }

    /// A condition for a day's rows, which lie in one partition.
    private func within(_ day: Int64) -> String {
        let seconds = day * (Self.day / 1_000_000)
        // Beyond what its type can hold, the time says nothing.
        let isHeld = (0...0xFFFF_0000).contains(seconds)
        let times = isHeld ? " AND time >= toDateTime(\(seconds)) AND time < toDateTime(\(seconds + 86_400))" : ""
        return times + " AND time_us >= \(day * Self.day) AND time_us < \((day + 1) * Self.day)"
    }

    /// The days of which the server has rows.
    private func days() throws(ShipError) -> [Int64] {
        let since = since.map { " AND time_us >= \($0)" } ?? ""
        return try ask(
            "SELECT DISTINCT intDiv(time_us, \(Self.day)) FROM \(ShipSchema.table) "
                + "WHERE server = \(ClickHouse.literal(name))\(since)"
        ).compactMap { $0.first.flatMap { Int64($0) } }
    }

    private func addSums(
        of day: Int64, oldest: Int64, to sums: inout [Key: Sum], _ report: inout Report
    ) throws(ShipError) {
        let place = "multiIf(id < \(oldest), 0, id > \(sent), 2, 1)"
        let answer = try ask(
            "SELECT lower(hex(log)) AS name, toUInt8(kind) AS number, \(place) AS place, count(), sum(\(RowDigest.expression)), "
                + "min(id), max(id) \(rows)\(within(day)) GROUP BY name, number, place")
        for line in answer {
            let numbers = line.dropFirst().map { UInt64($0) ?? 0 }
            guard numbers.count == 6, numbers[0] > 0 else { throw .engine(.strange("\(line.count) columns for 7")) }
            let branch = branches.firstIndex { $0.name.hexadecimal == line[0] }
            guard let branch else {
                report.ofOthers += numbers[2]
                continue
            }
            // Sent while this looks.
            if numbers[1] == 2 { continue }
            if numbers[1] == 0 {
                report.older += numbers[2]
                continue
            }
            sums[Key(branch: branch, kind: Int(numbers[0]) - 1, day: day)] = Sum(
                count: numbers[2], hashes: numbers[3], first: Int64(bitPattern: numbers[4]), last: Int64(bitPattern: numbers[5]))
        }
    }

    private func ask(_ statement: String) throws(ShipError) -> [[String]] {
        do { return try server.words(statement) } catch { throw .engine(error) }
    }

    // MARK: Row by row

    /// - Returns: nil if there is no difference after all.
    private func compare(_ key: Key, _ here: Sum, _ there: Sum, _ report: inout Report) throws(ShipError) -> Difference? {
        let branch = branches[key.branch]
        let end = key.branch + 1 < branches.count ? branches[key.branch + 1].firstID &- 1 : newest
        var found = Difference(
            log: branch.name, kind: EventKind.allCases[key.kind], day: key.day, inLog: 0, inEngine: 0)
        var from = min(here.first, there.first)
        let last = max(here.last, there.last)
        while from <= last {
            let to = min(last, from &+ Segment.ids &- 1)
            var own: [Int64: UInt64] = [:]
            // In this order, what retention removes in between is older than the oldest afterwards.
            try read(from: from, to: to) { id, time, kind, hash in
                if kind == key.kind, Shipper.day(time) == key.day, self.branch(of: id) == key.branch { own[id] = hash }
            }
            let theirs = try hashes(branch, key, from, to)
            let oldest = try oldestID()
            for id in Set(own.keys).union(theirs.keys).sorted() where id >= oldest {
                guard id <= end else {
                    // The branch ended earlier here than in the log that was sent.
                    report.ofOthers += 1
                    continue
                }
                if own[id] != nil { found.inLog += 1 }
                if theirs[id] != nil { found.inEngine += 1 }
                guard own[id] != theirs[id] else { continue }
                switch (own[id], theirs[id]) {
                case (nil, _): found.extra += 1
                case (_, nil): found.missing += 1
                default: found.changed += 1
                }
                if found.ids.count < Self.idsSaid { found.ids.append(id) }
            }
            from = to &+ 1
        }
        return found.missing + found.extra + found.changed > 0 ? found : nil
    }

    private func hashes(_ branch: LogBranch, _ key: Key, _ from: Int64, _ to: Int64) throws(ShipError) -> [Int64: UInt64] {
        let answer = try ask(
            "SELECT id, \(RowDigest.expression) \(rows)\(within(key.day)) "
                + "AND log = toFixedString(unhex('\(branch.name.hexadecimal)'), 16) AND toUInt8(kind) = \(key.kind + 1) "
                + "AND id >= \(from) AND id <= \(to)")
        var hashes = [Int64: UInt64](minimumCapacity: answer.count)
        for line in answer {
            guard line.count == 2, let id = Int64(line[0]), let hash = UInt64(line[1]) else {
                throw .engine(.strange("'\(line.joined(separator: " "))' for an id and a number"))
            }
            hashes[id] = hash
        }
        return hashes
    }
}

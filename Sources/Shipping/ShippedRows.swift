import EventSearch
import Glibc

/// Asks a server which rows it has of one shipper's branches.
struct ShippedRows {
    let server: ClickHouse
    /// The name of the chat server, by which its rows are known.
    let name: String

    private static let hourMicroseconds: Int64 = 3_600_000_000

    /// The largest id of a branch among the rows of a time and later ones; 0 for none.
    func newest(of branch: LogBranch, since time: Int64) throws(ClickHouseError) -> Int64 {
        // Rows lie in the order of time: without it, all of a server's would be read.
        Int64(truncatingIfNeeded: try number("max(id)", branch, "time_us >= \(time - Self.hourMicroseconds)"))
    }

    /// Returns once no request whose id begins so is at work any more, or after a minute.
    func wait(for request: String) throws(ClickHouseError) {
        for _ in 0..<600 {
            let running = try server.words(
                "SELECT count() FROM system.processes WHERE startsWith(query_id, \(ClickHouse.literal(request)))")
            if running.first?.first == "0" { return }
            usleep(100_000)
        }
    }

    /// The ids in a range.
    func ids(
        of branch: LogBranch, after from: Int64, upTo to: Int64, times: ClosedRange<Int64>
    ) throws(ClickHouseError) -> Set<Int64> {
        let range = "id >= \(from &+ 1) AND id <= \(to) AND time_us >= \(times.lowerBound) AND time_us <= \(times.upperBound)"
        return try Self.set(try ask("groupUniqArray(id)", branch, range))
    }

    /// How many events there are in a range of ids.
    ///
    /// - Parameter times: when most of them were recorded; nil if that is not known.
    func count(
        of branch: LogBranch, after from: Int64, upTo to: Int64, times: ClosedRange<Int64>?
    ) throws(ClickHouseError) -> UInt64 {
        var range = "id >= \(from &+ 1) AND id <= \(to)"
        if let times {
            // Ids and times differ in order by no more than the drain's delay.
            range += " AND time_us >= \(times.lowerBound - Self.hourMicroseconds)"
            range += " AND time_us <= \(times.upperBound + Self.hourMicroseconds)"
        }
        return try number("uniqExact(id)", branch, range)
    }

    private func ask(_ what: String, _ branch: LogBranch, _ range: String) throws(ClickHouseError) -> [UInt8] {
        try server.ask(
            "SELECT \(what) FROM \(ShipSchema.table) WHERE server = \(ClickHouse.literal(name)) "
                + "AND log = toFixedString(unhex('\(branch.name.hexadecimal)'), 16) AND \(range) FORMAT RowBinary")
    }

    private func number(_ what: String, _ branch: LogBranch, _ range: String) throws(ClickHouseError) -> UInt64 {
        let answer = try ask(what, branch, range)
        guard answer.count == 8 else { throw .strange("\(answer.count) bytes for a number") }
        return Self.number(answer, 0)
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }

    /// An array of numbers in RowBinary, whose length shows that it is whole.
    private static func set(_ bytes: [UInt8]) throws(ClickHouseError) -> Set<Int64> {
        var count = 0
        var start = 0
        var shift = 0
        while start < bytes.count {
            let byte = bytes[start]
            count |= Int(byte & 0x7F) << shift
            start += 1
            shift += 7
            if byte < 0x80 { break }
            guard shift < 35 else { break }
        }
        guard start > 0, bytes.count - start == 8 * count else { throw .strange("\(bytes.count) bytes for a list") }
        var set = Set<Int64>(minimumCapacity: count)
        for index in 0..<count { set.insert(Int64(truncatingIfNeeded: number(bytes, start + 8 * index))) }
        return set
    }
}

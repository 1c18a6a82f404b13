import MetricsModel

/// How long messages had waited when they were fetched, by minute: the data for percentiles over any window.
///
///     delivery_minute   minute, bucket, fetches     minute since 1970, UTC; `FineBuckets` of microseconds; how many fetches
///
/// Written in the transaction of the fetches, and removed with them. It names nobody. Logs of older versions have none.
package enum DeliveryTable {
    static let table = """
        CREATE TABLE IF NOT EXISTS delivery_minute (
            minute INTEGER NOT NULL, bucket INTEGER NOT NULL, fetches INTEGER NOT NULL, PRIMARY KEY (minute, bucket)) WITHOUT ROWID;
        """

    static func add(_ waits: DeliveryWaits, in database: Database) throws(LogError) {
        guard !waits.isEmpty else { return }
        let insert = try database.prepare(
            "INSERT INTO delivery_minute VALUES (?, ?, ?3) ON CONFLICT DO UPDATE SET fetches = fetches + ?3", operation: "write")
        for (key, fetches) in waits.fetches {
            insert.bind(key >> 16, at: 1)
            insert.bind(key & 0xFFFF, at: 2)
            insert.bind(fetches, at: 3)
            try insert.run(operation: "write")
        }
    }

    static func remove(before microseconds: Int64, in database: Database) throws(LogError) {
        try database.execute(
            "DELETE FROM delivery_minute WHERE minute < \(microseconds / 60_000_000)", operation: "remove from")
    }

    /// Fetches by fine bucket, of all minutes that overlap a window (UTC, microseconds); empty if there are none.
    package static func read(since: Int64, until: Int64, in database: Database) throws(LogError) -> [UInt64] {
        guard try database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'delivery_minute'") != nil else { return [] }
        let query = try database.prepare(
            "SELECT bucket, sum(fetches) FROM delivery_minute WHERE minute >= ? AND minute <= ? GROUP BY bucket")
        query.bind(since / 60_000_000, at: 1)
        query.bind((until &- 1) / 60_000_000, at: 2)
        var fetches: [UInt64] = []
        while try query.step() {
            let bucket = query.integer(0)
            guard bucket >= 0, bucket < Int64(FineBuckets.count), query.integer(1) > 0 else { continue }
            if fetches.isEmpty { fetches = [UInt64](repeating: 0, count: FineBuckets.count) }
            fetches[Int(bucket)] &+= UInt64(query.integer(1))
        }
        return fetches
    }
}

/// How long messages had waited, for a transaction's fetches.
public struct DeliveryWaits {
    /// By minute since 1970, times 65,536, plus the fine bucket.
    private(set) var fetches: [Int64: Int64] = [:]

    public init() {}

    public var isEmpty: Bool { fetches.isEmpty }

    /// - Parameter time: when the fetch was: UTC, microseconds.
    public mutating func add(_ microseconds: UInt64, at time: Int64) {
        let minute = max(0, time / 60_000_000)
        fetches[minute << 16 | Int64(FineBuckets.bucket(of: microseconds)), default: 0] += 1
    }

    public mutating func removeAll() { if !fetches.isEmpty { fetches = [:] } }
}

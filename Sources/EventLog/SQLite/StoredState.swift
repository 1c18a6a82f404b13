import MetricsModel

/// What the log says about the session that last wrote to it: its counters, and how far it drained each ring.
public struct StoredState {
    /// The live file that `rings` refers to; nil before the first commit.
    public var session: (UInt64, UInt64)?
    public var ringed: [UInt64]
    public var direct: [UInt64]
    public var rings: [RingPosition] = []
    /// When the counters began: UTC, nanoseconds since 1970; nil if unknown.
    public var createdNanoseconds: UInt64?
    /// When an event was last dropped: UTC, microseconds since 1970; 0 if never, or if before this was recorded.
    public var lastDropMicroseconds: Int64 = 0
    /// When somebody was last forgotten: UTC, microseconds since 1970; 0 if never, or if before this was recorded.
    public var erasedMicroseconds: Int64 = 0
    static let erasedKey = "erased_us"
    /// What hooks had counted at the last commit, if their live file was outside of the data directory; else empty.
    public var counted: [UInt64] = []
    static let countedKey = "counted"

    /// The state of a log that knows no session.
    public static var none: StoredState {
        StoredState(
            session: nil, ringed: [UInt64](repeating: 0, count: CounterIndex.words),
            direct: [UInt64](repeating: 0, count: CounterIndex.words))
    }

    public static func read(_ database: Database) throws(LogError) -> StoredState {
        var state = StoredState.none
        let session = try database.prepare("SELECT value FROM state WHERE key = 'session'")
        if try session.step() { state.session = Self.session(of: session.bytes(0)) }
        session.reset()
        state.createdNanoseconds = try createdNanoseconds(database)
        let lastDrop = try database.integer("SELECT value FROM state WHERE key = '\(DropTable.lastDropKey)'")
        state.lastDropMicroseconds = max(0, lastDrop ?? 0)
        state.erasedMicroseconds = max(0, try database.integer("SELECT value FROM state WHERE key = '\(erasedKey)'") ?? 0)
        let counted = try database.prepare("SELECT value FROM state WHERE key = '\(countedKey)'")
        if try counted.step() {
            let bytes = counted.bytes(0)
            if bytes.count == CounterIndex.words * 8 {
                state.counted = bytes.withUnsafeBytes { bytes in
                    (0..<CounterIndex.words).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
                }
            }
        }
        counted.reset()
        let counters = try database.prepare("SELECT id, ringed, direct FROM counter")
        while try counters.step() {
            let index = Int(counters.integer(0))
            guard index >= 0, index < CounterIndex.words else { continue }
            state.ringed[index] = UInt64(bitPattern: counters.integer(1))
            state.direct[index] = UInt64(bitPattern: counters.integer(2))
        }
        let rings = try database.prepare("SELECT slot, position, batch, batch_size FROM ring")
        while try rings.step() {
            state.rings.append(
                RingPosition(
                    slot: Int(rings.integer(0)), position: UInt64(bitPattern: rings.integer(1)),
                    batch: rings.integer(2), batchSize: UInt64(bitPattern: rings.integer(3))))
        }
        return state
    }

    public static func createdNanoseconds(_ database: Database) throws(LogError) -> UInt64? {
        try database.integer("SELECT value FROM state WHERE key = 'created_ns'").map { UInt64(bitPattern: $0) }
    }

    /// The last time of day that the log knows: UTC, microseconds since 1970. The saved one, or else its newest event's; nil for
    /// an empty log. EventDrain's `TrustedTime` says why.
    public static func lastKnownTime(_ database: Database) throws(LogError) -> Int64? {
        if let saved = try database.integer("SELECT value FROM state WHERE key = 'trusted_us'") { return saved }
        var newest: (id: Int64, time: Int64)?
        for kind in EventKind.allCases {
            let query = try database.prepare("SELECT id, time FROM \(kind.table) ORDER BY id DESC LIMIT 1")
            guard try query.step(), query.integer(0) > newest?.id ?? .min else { continue }
            newest = (id: query.integer(0), time: query.integer(1))
        }
        return newest?.time
    }

    /// Dropped events, as the log counts them.
    public var drops: DropTotals {
        var drops = DropTotals(ringed)
        drops.add(DropTotals(direct))
        return drops
    }

    /// How many rows of a kind there are; see docs/EVENT-LOG.md, "What always holds".
    public func rows(_ kind: EventKind) -> UInt64 {
        var rows = ringed[CounterIndex.written(kind)] &- ringed[CounterIndex.lost(kind)]
        for cause in RemovalCause.allCases { rows &-= ringed[CounterIndex.removed(kind, cause)] }
        return rows
    }

    static func bytes(of session: (UInt64, UInt64)) -> [UInt8] {
        withUnsafeBytes(of: session) { [UInt8]($0) }
    }

    private static func session(of bytes: [UInt8]) -> (UInt64, UInt64)? {
        guard bytes.count == 16 else { return nil }
        return bytes.withUnsafeBytes {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }
}

/// The time of the oldest event: the earliest of each kind's first row, since every table is in order of arrival.
public enum OldestEvent {
    public static func read(_ database: Database) throws(LogError) -> Int64? {
        var oldest: Int64?
        for kind in EventKind.allCases {
            let first = try database.integer("SELECT time FROM \(kind.table) ORDER BY id LIMIT 1")
            if let first { oldest = min(first, oldest ?? first) }
        }
        return oldest
    }
}

/// The time of the newest event: the latest of each kind's last row.
public enum NewestEvent {
    public static func read(_ database: Database) throws(LogError) -> Int64? {
        var newest: Int64?
        for kind in EventKind.allCases {
            let last = try database.integer("SELECT time FROM \(kind.table) ORDER BY id DESC LIMIT 1")
            if let last { newest = max(last, newest ?? last) }
        }
        return newest
    }
}

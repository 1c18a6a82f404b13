import Foundation

/// A server under load while something is done to its files. At the end it proves that every event whose hook returned is in
/// the log once or was counted as dropped, that the ledger is exact, and that no counter is lower than at an earlier look.
public final class LoadedServer {
    public let place: DataPlace
    public let host: ServerHost
    private var seen = try! Exposition("")
    /// The longest time, over all faults, until events were in the log again.
    public private(set) var healed = 0.0

    public init(_ settings: [String: String] = [:], path: String? = nil, seed: UInt64) throws {
        place = DataPlace()
        directory = path ?? place.path
        host = try ServerHost.running(directory, settings)
        try host.ask("drive threads=2 calls=1 seed=\(seed) endless=1 pause_us=200")
    }

    public let directory: String
    public var tool: CommandLineTool { CommandLineTool(directory) }

    /// Reads the counters, and fails if one went down.
    @discardableResult public func look() throws -> Exposition {
        let now = try tool.exposition()
        let lower = now.lower(than: seen)
        guard lower.isEmpty else { throw TestFailure("counters went down: \(lower)") }
        seen = now
        return now
    }

    public func isWritten(above count: UInt64) throws -> Bool { try look().sum("qpc_plugin_events_written_total") > count }

    /// Waits until events arrive in the current log, and measures the time since `start`.
    public func awaitHealing(since start: Date, _ what: String) throws {
        let before = try look().sum("qpc_plugin_events_written_total")
        try eventually(what) { try isWritten(above: before) }
        healed = max(healed, Date().timeIntervalSince(start))
    }

    public struct Account {
        public var sent: UInt64
        public var rows: UInt64
        public var dropped: UInt64
        /// Neither in the log nor counted as dropped.
        public var lost: UInt64 { sent > rows + dropped ? sent - rows - dropped : 0 }
        public var twice: UInt64
    }

    /// Ends the load and the server.
    ///
    /// - Parameter isAlone: whether no other server's log, with its own account, took the place of this one's.
    public func end(isAlone: Bool = true) throws -> Account {
        let tally = try host.tally("stop")
        try host.ask("shutdown")
        try look()
        try tool.verify()
        try host.ask("destroy")
        try host.exit()
        let metrics = try look()
        let ledger = try tool.verify()
        let recorded = zip(ledger.lines.map(\.recorded), tally.events)
        guard recorded.allSatisfy({ isAlone ? $0 == $1 : $0 >= $1 }) else {
            throw TestFailure("recorded \(ledger.lines.map(\.recorded)), sent \(tally.events)")
        }
        let twice = try SQLiteShell(directory).query(
            """
            SELECT count(*) FROM (
                SELECT seq FROM (SELECT seq FROM message UNION ALL SELECT seq FROM batch_message)
                GROUP BY seq HAVING count(*) > 1)
            """)
        return Account(
            sent: tally.total, rows: ledger.lines.reduce(0) { $0 + $1.inLog },
            dropped: metrics.sum("qpc_plugin_events_dropped_total"), twice: UInt64(twice[0][0]) ?? .max)
    }
}

import CMachine
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Readings

/// Watches a log for what comes into it: one that is not there yet, whose server restarts, that is set aside and replaced
/// by a new one. Sleeps nowhere; whoever asks `look` often enough sees everything once.
public final class LogFollower {
    public enum Look {
        /// There is no log, yet or any more.
        case missing
        case unchanged
        /// This is the first look at this log.
        case opened
        case changed
    }

    private let source: DataSource
    /// The one that is being read; nil before it is there.
    public private(set) var log: EventLogReader?
    private var file = FileIdentity()
    private var version: Int64 = -1
    /// How far the log was read; nil before the first reading.
    private var position: LogPosition?
    /// When a log was first found that could not be opened or read.
    private var failingSince: UInt64 = 0

    /// A log that is just being made, or replaced, is not whole for a moment. One that fails for longer is damaged.
    private static let patienceNanoseconds: UInt64 = 5_000_000_000

    /// Which file a path leads to.
    private struct FileIdentity: Equatable {
        var device: UInt64 = 0
        var node: UInt64 = 0

        static func of(_ path: String) -> FileIdentity? {
            var status = stat()
            guard qpcm_lstat(path, &status) == 0 else { return nil }
            return FileIdentity(device: UInt64(status.st_dev), node: UInt64(status.st_ino))
        }
    }

    /// - Parameter after: the id of the last event that is known already.
    public init(_ source: DataSource, after: Int64?) {
        self.source = source
        position = after.map { LogPosition(id: $0, timeMicroseconds: nil) }
    }

    public func look() throws(DataSourceError) -> Look {
        guard let log else { return try open() }
        do {
            let now = try log.dataVersion()
            defer { version = now }
            if now != version { return .changed }
        } catch {
            try forgive(.log(error))
            self.log = nil
            return .missing
        }
        // Only now, so that what came last into a log that was set aside has been read.
        if FileIdentity.of(source.logPath) == file { return .unchanged }
        self.log = nil
        return try open()
    }

    private func open() throws(DataSourceError) -> Look {
        guard let found = FileIdentity.of(source.logPath) else { return .missing }
        do throws(DataSourceError) {
            guard let opened = try source.log() else { return .missing }
            try takeUp(opened)
            file = found
            failingSince = 0
            return .opened
        } catch {
            try forgive(error)
            return .missing
        }
    }

    /// Goes on in a log that holds what was read before, and begins in any other.
    private func takeUp(_ opened: EventLogReader) throws(DataSourceError) {
        do {
            if let known = position, known.timeMicroseconds != nil, try !opened.goesOn(from: known) {
                position = LogPosition(id: 0, timeMicroseconds: nil)
            }
            version = try opened.dataVersion()
        } catch {
            throw .log(error)
        }
        log = opened
    }

    private func forgive(_ error: DataSourceError) throws(DataSourceError) {
        if case .noPermission = error { throw error }
        let now = TickClock.monotonicNanoseconds()
        if failingSince == 0 { failingSince = now }
        if now - failingSince > Self.patienceNanoseconds { throw error }
    }

    /// Hands over what matches and was not read before, until `body` returns false.
    ///
    /// - Parameter pause: called between two transactions; false ends the reading.
    public func read(
        _ filter: EventFilter, pause: () -> Bool = { true }, _ body: (borrowing LoggedEvent) -> Bool
    ) throws(DataSourceError) {
        guard let log else { return }
        var filter = filter
        if let position { filter.afterID = max(position.id, filter.afterID ?? .min) }
        var handedOver = position?.id ?? 0
        do {
            // Everything up to here is committed, so what is read next holds all of it that matches; and more, perhaps.
            let known = try log.lastID()
            try log.read(filter, pause: pause) { event in
                handedOver = max(handedOver, event.id)
                return body(event)
            }
            position = try log.position(at: max(known, handedOver))
        } catch {
            position = LogPosition(id: handedOver, timeMicroseconds: nil)
            try forgive(.log(error))
            self.log = nil
        }
    }
}

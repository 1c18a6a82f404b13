import CMachine
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Readings

/// Follows a log, which may not exist yet, may be quarantined and replaced by a new one, and whose server may restart. Never
/// sleeps: a caller that calls `look` often enough sees every event once.
public final class LogFollower {
    public enum Look {
        /// There is no log at present.
        case missing
        case unchanged
        /// This is the first look at this log.
        case opened
        case changed
    }

    private let source: DataSource
    /// The log being read; nil while there is none.
    public private(set) var log: EventLogReader?
    private var file: FileIdentity?
    private var version: Int64 = -1
    /// How far the log has been read; nil before the first reading.
    private var position: LogPosition?
    /// The events being read.
    private var events: EventStream?
    /// The newest event returned, or the position before the first.
    private var newestID: Int64 = 0
    /// The log's last id when the reading began.
    private var committedID: Int64 = 0
    /// When opening or reading started to fail; 0 while it works.
    private var failingSince: UInt64 = 0

    /// A log that is being created or replaced is incomplete for a moment. One that fails for longer is damaged.
    private static let patienceNanoseconds: UInt64 = 5_000_000_000

    /// - Parameter after: the last event that the caller already has.
    public init(_ source: DataSource, after: LogPosition?) {
        self.source = source
        position = after
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
        // Checked only now, so that the last events of a quarantined log have been read.
        if FileIdentity(at: source.logPath) == file { return .unchanged }
        self.log = nil
        return try open()
    }

    private func open() throws(DataSourceError) -> Look {
        guard let found = FileIdentity(at: source.logPath) else { return .missing }
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

    /// Continues in a log that holds what was read before, and starts any other from the beginning.
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

    /// Resumes where the last reading ended: `next` then returns what matches and was not read before.
    public func begin(_ filter: EventFilter) throws(DataSourceError) {
        guard let log else { return }
        var filter = filter
        if let position { filter.afterID = max(position.id, filter.afterID ?? .min) }
        newestID = position?.id ?? 0
        do {
            // Everything up to here is committed, so what is read next includes all of it that matches, and perhaps more.
            committedID = try log.lastID()
            events = try log.events(filter)
        } catch {
            try breakOff(error)
        }
    }

    /// The next event; nil at the end, and when the log cannot be read at present.
    public func next() throws(DataSourceError) -> LoggedEvent? {
        guard let log, events != nil else { return nil }
        do {
            if let event = try events?.next() {
                newestID = max(newestID, event.id)
                return event
            }
            events = nil
            position = try log.position(at: max(committedID, newestID))
        } catch {
            try breakOff(error)
        }
        return nil
    }

    /// Whether no transaction is open.
    public var isPaused: Bool { events?.isPaused ?? true }

    private func breakOff(_ error: LogError) throws(DataSourceError) {
        events = nil
        position = LogPosition(id: newestID, timeMicroseconds: nil)
        try forgive(.log(error))
        log = nil
    }
}

import CMetricsLayout
import Glibc
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings

/// Reads the data directory again and again: the live file stays mapped from one reading to the next, until it is replaced. One
/// thread at a time.
final class SnapshotSource {
    /// One reading.
    struct Reading {
        var snapshot: MetricsSnapshot
        /// Whether the plugin ever ran here.
        var hasRun: Bool
        /// The extended SQLite error code with which the plugin's flushes fail; 0 if they succeed.
        var logTrouble: UInt64 = 0
        /// Since the plugin's last heartbeat; nil if there is no live file.
        var heartbeatAgeNanoseconds: UInt64?
    }

    private struct MappedState {
        var file: FileIdentity
        var bytes: Int
    }

    private let source: DataSource
    private let log: LogQuestions
    private var live: LiveFileReader?
    private var mapped: MappedState?
    /// The last values, for while the directory is missing: a counter must not drop to 0 and come back.
    private var last: MetricsSnapshot?

    init(source: DataSource, log: LogQuestions) {
        self.source = source
        self.log = log
    }

    /// - Throws: `DataSourceError`, if something exists but cannot be read.
    func read() throws(DataSourceError) -> Reading {
        try map()
        guard let live else { return try readWithoutLive() }
        var reading = Reading(snapshot: SnapshotReader.snapshot(of: live, in: source), hasRun: true)
        reading.logTrouble = live.map.word(QPCM_HEADER_LOG_TROUBLE)
        let now = Clock.realtimeNanoseconds()
        reading.heartbeatAgeNanoseconds = now - min(now, live.heartbeatNanoseconds)
        if reading.snapshot.plugin.isUp {
            log.forget()
        } else if case .known(let answer) = log.answer(isNeeded: false) {
            // Nobody updates the gauges in a dead server's file; windows that end now are computed from the log.
            reading.snapshot.activeUsers = answer.activeUsers
            reading.snapshot.oldestEventMicroseconds = answer.oldestEventMicroseconds
            let settings = live.header.settings
            let hasUsers = settings.keepsRows && settings.identities != .none
            reading.snapshot.failingUsers = hasUsers ? answer.failingUsers : []
            if hasUsers, settings.pairs {
                reading.snapshot.recipientsWaiting = answer.recipientsWaiting
                reading.snapshot.oldestWaitMicroseconds = answer.oldestWaitMicroseconds
            }
        } else {
            // Unknown until the log has been asked.
            reading.snapshot.failingUsers = []
        }
        last = reading.snapshot
        return reading
    }

    private func readWithoutLive() throws(DataSourceError) -> Reading {
        switch log.answer(isNeeded: true) {
        case .failed(let error): throw error
        case .known(let snapshot):
            last = snapshot
            return Reading(snapshot: snapshot, hasRun: true)
        case .nothing:
            guard var snapshot = last else { return Reading(snapshot: MetricsSnapshot(), hasRun: false) }
            snapshot.plugin = .neverRan
            return Reading(snapshot: snapshot, hasRun: true)
        }
    }

    /// Whether the data directory exists.
    var hasDirectory: Bool {
        var status = stat()
        return stat(source.directory, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Maps the live file, unless it is the one already mapped.
    private func map() throws(DataSourceError) {
        var attempts = 0
        while attempts < 4 {
            attempts += 1
            let now = Self.state(of: source.livePath)
            // Once a file is shorter than its mapping, the mapping must not be touched.
            if live != nil, let now, let mapped, now.file == mapped.file, now.bytes >= mapped.bytes, live?.hasGrown == false {
                return
            }
            live = nil
            mapped = nil
            live = try source.live()
            guard live != nil else { return }
            mapped = now
        }
    }

    private static func state(of path: String) -> MappedState? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return MappedState(file: FileIdentity(status), bytes: Int(status.st_size))
    }
}

import CMetricsLayout
import Glibc
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings

/// The data directory, looked at again and again: the live file stays mapped from one reading to the next, until
/// another one has its name. One thread at a time.
final class SnapshotSource {
    /// One look.
    struct Reading {
        var snapshot: MetricsSnapshot
        /// Whether the plugin ever ran here.
        var hasRun: Bool
        /// SQLite's extended code that the plugin's flushes fail with; 0 when well.
        var logTrouble: UInt64 = 0
        /// Since the plugin's last beat; nil if there is no live file.
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
    /// The last values, for when the directory is gone for a while: a counter must not go to 0 and come back.
    private var last: MetricsSnapshot?

    init(source: DataSource, log: LogQuestions) {
        self.source = source
        self.log = log
    }

    /// - Throws: `DataSourceError`, if something is there that cannot be read.
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
            // Nobody keeps the gauges of a dead server's file; windows that end now are asked of the log.
            reading.snapshot.activeUsers = answer.activeUsers
            reading.snapshot.oldestEventMicroseconds = answer.oldestEventMicroseconds
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

    /// Whether the data directory is there.
    var hasDirectory: Bool {
        var status = stat()
        return stat(source.directory, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Maps the live file if it is not the mapped one.
    private func map() throws(DataSourceError) {
        var attempts = 0
        while attempts < 4 {
            attempts += 1
            let now = Self.state(of: source.livePath)
            // A file that became shorter than its mapping must not be touched any more.
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

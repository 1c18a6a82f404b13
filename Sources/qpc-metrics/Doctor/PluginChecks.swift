import CMachine
import Doctor
import EventLog
import EventSearch
import Exporter
import MetricsMemory
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import Terminal

/// The plugin, from what it left in its directory: is it up, which version, with which settings, and does it keep up?
struct PluginChecks {
    let source: DataSource
    private let live: LiveFileReader?
    /// Why there is no `live`; nil if the file simply does not exist.
    private let obstacle: DataSourceError?

    init(_ source: DataSource) {
        self.source = source
        do throws(DataSourceError) {
            (live, obstacle) = (try source.live(), nil)
        } catch {
            (live, obstacle) = (nil, error)
        }
    }

    /// Of the plugin's last run; nil if not known.
    var settings: Settings? { live?.header.settings }
    /// When it was started, UTC nanoseconds; nil if not known.
    var startNanoseconds: UInt64? { live?.header.startNanoseconds }

    func run() -> [Check] {
        guard let live, let status = try? Status.read(source) else {
            return [withoutLive] + [obstacle == nil ? loaded : nil, log, key].compactMap { $0 }
        }
        // Before a log is opened here: asking for another process's locks gives up this process's own.
        let reader = reader(live)
        return [state(status, live)] + [status.snapshot.plugin.pid == nil ? loaded : nil].compactMap { $0 }
            + [version(live), settings(live.header.settings), pending(status), drops(status)]
            + [flushes(status), reader, size(status), checksums(status), log, key].compactMap { $0 }
    }

    private var loaded: Check { PluginProcesses().check(source.directory) }

    private var withoutLive: Check {
        let name = "plugin"
        switch obstacle {
        case nil where source.livePlace.isElsewhere:
            return .failure(
                name, "the live file \(source.livePath) is gone, as after a power cut, or is not this directory's",
                fix: "start the server, which counts what can be counted of what was lost")
        case nil:
            return .failure(
                name, "has never run here: there is no live.qpcm in \(source.directory)",
                fix: "put libMetricsPlugin.so in the server's --plugin-dir, set its QPC_METRICS_PLUGIN_DIR, restart it; "
                    + "its standard error says whether the plugin started")
        case .noPermission:
            return .notChecked(
                name, "no permission to read \(source.livePath), which holds the state, version, settings and counters",
                fix: Reader.remedy(source.directory))
        case let error? where error.isNewer: return newer(name, error)
        case let error?:
            return .failure(
                name, error.message,
                fix: "install the same version of plugin and command, and restart the server: it quarantines a damaged file")
        }
    }

    // MARK: State

    /// A problem in the words of `status`, which are a fact, a colon and a remedy.
    private func finding(_ name: String, _ problem: Status.Problem, isFailure: Bool) -> Check {
        let words = ProblemText.words(problem, zone: .local)
        var (found, remedy) = (words, "qpc-metrics status")
        if let colon = words.lastRange(of: ": ") {
            (found, remedy) = (String(words[..<colon.lowerBound]), String(words[colon.upperBound...]))
        }
        return isFailure ? .failure(name, found, fix: remedy) : .warning(name, found, fix: remedy)
    }

    private func first(
        _ status: Status, _ name: String, isFailure: Bool = true, where isOf: (Status.Problem) -> Bool
    ) -> Check? {
        status.problems.first(where: isOf).map { finding(name, $0, isFailure: isFailure) }
    }

    /// The words for a newer format are a fact, a colon and a remedy.
    private func newer(_ name: String, _ error: DataSourceError) -> Check {
        let colon = error.message.lastRange(of: ": ")
        return .failure(
            name, colon.map { String(error.message[..<$0.lowerBound]) } ?? error.message,
            fix: colon.map { String(error.message[$0.upperBound...]) } ?? "install the newer version")
    }

    private func state(_ status: Status, _ live: LiveFileReader) -> Check {
        let name = "plugin"
        let problem = first(status, name) {
            switch $0 {
            case .neverRan, .stuck, .shutDown, .recovered, .died: true
            default: false
            }
        }
        if let problem { return problem }
        let age = TickClock.realtimeNanoseconds().subtracting(live.heartbeatNanoseconds) / 1_000_000
        let started = LocalTime.text(Int64(clamping: live.header.startNanoseconds / 1000), zone: .local)
        return .ok(name, "up, process \(live.header.pid), started \(started), last heartbeat \(age) ms ago")
    }

    private func version(_ live: LiveFileReader) -> Check {
        let found = live.header.version
        if found == Version.current { return .ok("plugin version", found) }
        let isUnknown = found.isEmpty
        return .failure(
            "plugin version", "the plugin is \(isUnknown ? "of an unknown version" : found), this command \(Version.current)",
            fix: "install the same version of both, and restart the server")
    }

    private func settings(_ settings: Settings) -> Check {
        let values = [
            ("IDENTITIES", settings.identities.name), ("PAIRS", settings.pairs ? "on" : "off"),
            ("KEY_ROTATION", settings.keyRotationNanoseconds.map(Quantity.exact) ?? "off"),
            ("RETENTION", settings.retentionNanoseconds.map(Quantity.exact) ?? "off"),
            ("MAX_SIZE", settings.maxLogBytes.map(Quantity.bytes) ?? "off"),
            ("RING_SIZE", Quantity.bytes(UInt64(settings.ringBytes))),
            ("FLUSH_INTERVAL", Quantity.exact(nanoseconds: settings.flushIntervalNanoseconds)),
            ("LOG", settings.keepsRows ? "on" : "off"), ("MESSAGE_HOOK", settings.messageHook ? "on" : "off"),
        ]
        let unmeasured = settings.messageHook ? "" : "; messages are not measured, except those of batches"
        return .ok("settings", values.map { "\($0.0)=\($0.1)" }.joined(separator: ", ") + unmeasured)
    }

    // MARK: Events on their way to the log

    private func pending(_ status: Status) -> Check {
        let name = "pending events"
        let problem = first(status, name, isFailure: false) {
            switch $0 {
            case .ringFilling, .lagging: true
            default: false
            }
        }
        let fullest = Int(((status.rings?.fullest ?? 0) * 100).rounded())
        let lag = Quantity.duration(nanoseconds: status.lagNanoseconds / 1_000_000 * 1_000_000)
        return problem
            ?? .ok(name, "\(Quantity.grouped(status.snapshot.pending)), lag \(lag), the fullest ring \(fullest) % full")
    }

    private func drops(_ status: Status) -> Check {
        let name = "dropped events"
        let problem = first(status, name) { if case .dropped = $0 { true } else { false } }
        if let problem { return problem }
        let last = status.snapshot.lastDropMicroseconds
        let earlier = last == 0 ? "" : ", the last at " + LocalTime.text(Int64(clamping: last), zone: .local)
        return .ok(name, "none in the last hour" + earlier)
    }

    private func flushes(_ status: Status) -> Check {
        let name = "flushes"
        let problem = first(status, name) { if case .flushFailing = $0 { true } else { false } }
        if let problem { return problem }
        let errors = FlushErrorCause.allCases.compactMap { cause in
            let count = status.snapshot.counters[CounterIndex.flushErrors(cause)]
            return count == 0 ? nil : "\(Quantity.grouped(count)) \(cause.name)"
        }
        return .ok(
            name,
            "none failing now" + (errors.isEmpty ? "" : "; errors since the counters began: \(errors.joined(separator: ", "))"))
    }

    private func size(_ status: Status) -> Check {
        let name = "log size"
        let problem = first(status, name, isFailure: false) { if case .logOverLimit = $0 { true } else { false } }
        let sizes = "\(Quantity.bytes(status.snapshot.logBytes)), WAL \(Quantity.bytes(status.snapshot.walBytes))"
        return problem ?? .ok(name, sizes)
    }

    private func checksums(_ status: Status) -> Check? {
        first(status, "checksums") { if case .mismatch = $0 { true } else { false } }
            ?? .ok("checksums", "the contents of live.qpcm match their checksums")
    }

    // MARK: Readers that block checkpoints

    private static let looks = 4
    private static let lookMicroseconds: UInt32 = 150_000

    /// A process that keeps a transaction open for longer than a query of its size should take.
    private func reader(_ live: LiveFileReader) -> Check? {
        guard case .up(let pid) = source.state(of: live) else { return nil }
        let name = "readers"
        guard access(source.logPath + "-shm", R_OK) == 0 else {
            return .notChecked(name, "no permission to read \(source.logPath)-shm", fix: Reader.remedy(source.directory))
        }
        guard let first = source.readingProcess(otherThan: pid) else { return .ok(name, "none blocking") }
        for _ in 1..<Self.looks {
            usleep(Self.lookMicroseconds)
            if source.readingProcess(otherThan: pid) != first { return .ok(name, "none blocking") }
        }
        let program = Self.program(first).map { " (\($0))" } ?? ""
        let bytes = SnapshotReader.snapshot(of: live, in: source).walBytes
        let held = "process \(first)\(program) keeps a transaction open on the log, whose WAL is \(Quantity.bytes(bytes))"
        // Beyond this size the plugin also reports it on standard error.
        let isLarge = bytes > WALLimits.held(cap: WALLimits.cap(maxLogBytes: live.header.settings.maxLogBytes))
        let remedy = "end it: kill \(first); until then the WAL cannot be emptied, and at its cap events wait, then drop"
        return isLarge ? .failure(name, held, fix: remedy) : .warning(name, held, fix: remedy)
    }

    private static func program(_ pid: Int32) -> String? {
        let descriptor = qpcm_open("/proc/\(pid)/comm", O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            return count > 1 ? String(decoding: buffer[..<(count - 1)], as: UTF8.self) : nil
        }
    }

    // MARK: Log and keys

    private var log: Check? {
        let name = "event log"
        do throws(DataSourceError) {
            guard let log = try source.log() else {
                return .failure(name, "there is no events.db", fix: "start the server with the plugin, which creates it")
            }
            if let problem = try? log.accountProblem() {
                return .failure(name, problem, fix: "qpc-metrics verify, which checks the rest")
            }
            let off = settings?.keepsRows == false ? "\(Settings.logIsOff), and keeps counters only; " : ""
            return .ok(name, off + "opens, schema version \(Schema.version); qpc-metrics verify checks its contents")
        } catch {
            switch error {
            case .noPermission(let path):
                return .notChecked(name, "no permission to read \(path)", fix: Reader.remedy(source.directory))
            case .log where error.isNewer: return newer(name, error)
            case .live, .key:
                return .notChecked(
                    name, "another file of the directory is of a newer version", fix: "see the check of that file")
            case .nothingThere, .log:
                return .failure(
                    name, error.message, fix: "restart the server, which quarantines a damaged log and begins a new one")
            }
        }
    }

    private var key: Check? {
        let name = "identity key"
        if let settings, !settings.keepsRows { return .ok(name, "not needed with LOG=off") }
        if let settings, settings.identities != .pseudonym {
            return .ok(name, "not needed with IDENTITIES=\(settings.identities.name)")
        }
        let path = DataFile.keys.path(in: source.directory)
        // If it is missing, the check of the files says so.
        guard access(path, F_OK) == 0 else {
            return qpcm_errno() == EACCES
                ? .notChecked(name, "no permission to reach \(path)", fix: Reader.remedy(source.directory)) : nil
        }
        if access(path, R_OK) != 0 {
            return .notChecked(
                name, "only the server's user and root may read it: as this user, you can look up pseudonyms but not names",
                fix: "run as root or as the server's user")
        }
        do { try IdentityKeys.expectKnown(directory: source.directory) } catch { return newer(name, .key(error)) }
        let resolver = TermResolver(directory: source.directory)
        guard let log = try? source.log() else {
            return .notChecked(name, "there is no log to compare it with", fix: "see the check of the event log")
        }
        if resolver.isSealed { return .ok(name, "sealed to the operator's key: names can be looked up with --operator-key") }
        if let obstacle = resolver.obstacle(in: log) {
            return .failure(name, obstacle, fix: "restore the right identity.key from a backup while the server is stopped")
        }
        return .ok(name, "readable and matches the log: names can be looked up")
    }
}

extension UInt64 {
    /// 0 if the other is larger: the clock may have been set back.
    fileprivate func subtracting(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}

extension String {
    fileprivate func lastRange(of text: String) -> Range<Index>? { ranges(of: text).last }
}

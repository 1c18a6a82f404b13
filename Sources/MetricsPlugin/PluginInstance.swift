import CMachine
import CMetricsLayout
import EventDrain
import EventLog
import MetricsMemory
import MetricsModel
import Pseudonyms
import Synchronization

/// One init of the plugin: what it holds, from `qpc_plugin_init` to `destroy`.
final class PluginInstance: @unchecked Sendable {
    let live: LiveFile
    private let directory: DataDirectory
    private let thread: DrainThread
    /// What hooks read; owned until `deinit`, along with the thread-specific key in it.
    let state: UnsafeMutablePointer<HookState>

    /// - Throws: `StartError` with the code that init returns and the line that it prints.
    convenience init(_ configuration: Configuration) throws(StartError) {
        let log = PluginLogger(level: configuration.logLevel)
        for line in Configuration.misspelt() + Configuration.contradictions(configuration.settings) { log.warning(line) }
        let directory: DataDirectory
        do {
            directory = try DataDirectory(path: configuration.directory, create: true)
        } catch {
            throw StartError(code: -3, message: error.message)
        }
        var liveDirectory: String?
        if let path = configuration.liveDirectory {
            do {
                liveDirectory = try LiveDirectory.prepare(path, for: configuration.directory, log: log)
            } catch {
                throw StartError(code: -3, message: error.message)
            }
        }
        let kept = liveDirectory.flatMap { KeptKey(in: $0) }
        let outcome = try Self.recover(directory, configuration, kept, log)
        let live = try Self.makeLive(configuration, outcome, liveDirectory)
        directory.sync()
        guard live.populateStarts() else {
            throw StartError(
                code: -3,
                message: Self.cannotUse(configuration.directory, "its file system does not accept writes to live.qpcm"))
        }
        live.map.set(anchor: RecordClock.firstAnchor(clock: live.options.clock))
        live.map.set(QPCM_HEADER_LAST_DROP, outcome.lastDropMicroseconds)
        // The ring positions in the log are of the previous session; this one's rings begin at 0.
        let drainer = Drainer(
            map: live.map, session: live.options.session, clock: live.options.clock, writer: outcome.writer,
            ringed: outcome.ringed, stored: .none)
        let keys = KeyRotation(
            directory: configuration.directory, rotationNanoseconds: configuration.settings.keyRotationNanoseconds,
            operatorKey: configuration.operatorKey, kept: kept, log: log)
        let wall = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        var time = TrustedTime.begin(outcome.writer, wall: wall, monotonic: TickClock.monotonicNanoseconds())
        _ = time.read(wall: wall, monotonic: TickClock.monotonicNanoseconds())
        keys.run(outcome.writer, nowMicroseconds: time.now(wall: wall))
        let loop = DrainLoop(live: live, drainer: drainer, opener: outcome.opener, keys: keys, log: log)
        let thread = DrainThread(loop, freeing: outcome.oldLive)

        var key = pthread_key_t()
        guard pthread_key_create(&key, { ThreadExit.giveBack($0) }) == 0 else {
            throw StartError(code: -3, message: "the process has no thread-specific key left for the plugin")
        }
        self.init(directory: directory, live: live, thread: thread, owning: key)
        try start()
        log.info("plugin \(Version.current) started with \(configuration.words)")
    }

    private init(directory: DataDirectory, live: LiveFile, thread: DrainThread, owning key: pthread_key_t) {
        self.directory = directory
        self.live = live
        self.thread = thread
        state = .allocate(capacity: 1)
        state.initialize(
            to: HookState(
                session: Atomic(0), clock: live.options.clock, tickScale: live.map.anchor.scale,
                overflow: live.map.overflow, key: key, instance: Unmanaged.passUnretained(self)))
    }

    deinit {
        _ = pthread_key_delete(state.pointee.key)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    private func start() throws(StartError) {
        guard InstanceTable.add(self) else {
            throw StartError(code: -3, message: "this process already runs \(InstanceTable.limit) instances of the plugin")
        }
        guard thread.start() == 0 else {
            InstanceTable.remove(self)
            throw StartError(code: -3, message: "the process cannot start another thread")
        }
        state.pointee.session.store(InstanceTable.nextSession(), ordering: .releasing)
    }

    private static func recover(
        _ directory: DataDirectory, _ configuration: Configuration, _ kept: KeptKey?, _ log: PluginLogger
    ) throws(StartError) -> Recovery.Outcome {
        let outcome: Recovery.Outcome
        do {
            outcome = try Recovery.run(
                directory, settings: configuration.settings, sealing: configuration.operatorKey.map { .to($0) } ?? .none,
                kept: kept, log: log)
        } catch {
            throw StartError(code: -3, message: cannotUse(configuration.directory, error.message))
        }
        tell(outcome, log)
        return outcome
    }

    private static func makeLive(
        _ configuration: Configuration, _ outcome: Recovery.Outcome, _ liveDirectory: String?
    ) throws(StartError) -> LiveFile {
        var session: (UInt64, UInt64) = (0, 0)
        _ = getrandom(&session.0, 8, 0)
        _ = getrandom(&session.1, 8, 0)
        let options = LiveFile.Options(
            settings: configuration.settings, initialSlots: initialSlots, clock: TickClock.best, session: session,
            createdNanoseconds: outcome.createdNanoseconds ?? 0, liveDirectory: liveDirectory)
        do {
            return try LiveFile(
                directory: configuration.directory, options: options, ringed: outcome.ringed, direct: outcome.direct)
        } catch {
            throw StartError(code: -3, message: cannotUse(configuration.directory, error.message))
        }
    }

    private static func cannotUse(_ path: String, _ cause: String) -> String {
        "the data directory \(path) cannot be used: \(cause)"
    }

    private static func tell(_ outcome: Recovery.Outcome, _ log: PluginLogger) {
        if outcome.recovered > 0 {
            let place = outcome.recoveredRows ? "in the log" : "counted; the log is off"
            log.info("\(outcome.recovered) events of a server that did not shut down cleanly are now \(place)")
        }
        if outcome.lost > 0 {
            log.warning(
                "\(outcome.lost) events were lost with the log: it was deleted, replaced or quarantined, or power failed"
            )
        }
        if outcome.torn > 0 {
            log.warning("\(outcome.torn) events were counted, but survived neither in memory nor in the log")
        }
    }

    /// One ring per processor for the server's workers, and a spare one; at least 2, at most 64.
    private static var initialSlots: Int { min(64, max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) + 1)) }

    /// Whether it is open in this process, rather than closed or inherited by a forked child.
    var isOurs: Bool { state.pointee.session.load(ordering: .acquiring) != 0 }

    /// `on_shutdown`: any thread, any number of times; hooks may still be called.
    func flush() {
        guard isOurs else { return }
        thread.flush()
    }

    /// `destroy`: once. The server promises to call no more hooks, but threads that called one may still end.
    func close() {
        if isOurs {
            thread.stop()
            live.bringHome(to: directory.path)
            directory.sync()
        }
        state.pointee.session.store(0, ordering: .releasing)
        InstanceTable.remove(self)
        directory.release()
    }

    /// In a forked child: the child's threads must not write into the parent's rings, nor hold its lock.
    func becomeInert() {
        state.pointee.session.store(0, ordering: .releasing)
        directory.release()
    }
}

/// Why init failed.
struct StartError: Error {
    var code: Int32
    var message: String
}

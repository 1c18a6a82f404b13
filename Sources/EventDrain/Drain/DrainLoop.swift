import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// What the plugin's thread does, over and over: drain the rings into the log, look after the log, show that it is alive.
///
/// It has no thread or clock of its own: `DrainThread` runs it in a server, and the simulation runs it on a clock driven by a
/// seed. One thread at a time; nothing in it waits, except for the disk.
public final class DrainLoop {
    private let live: LiveFile
    let current: CurrentLog
    private let log: PluginLogger
    private let clock: DrainClock
    private let checkpointer: Checkpointer
    private let maintenance: Maintenance
    private let slots: SlotPreparation
    private let storage: StorageWatch
    private let drops: DropMinutes
    private var dropWatch: DropWatch
    private var dropsSeen: UInt64

    private var trouble = FlushRetryPolicy()
    /// No attempt before this time, by the monotonic clock.
    private var retryAt: UInt64 = 0
    /// Since when the rings have not been empty; nil while they are empty.
    private var waitingSince: UInt64?
    private var files = DrainTimer(every: 500_000_000)
    private var damage = DrainTimer(every: 1_000_000_000)
    private var hasSaidDamage = false
    /// Why nothing can be removed from the log while it is in trouble.
    private var obstacle = ""
    private var troubleSince: UInt64 = 0
    /// How long a request waits for the log to be writable again.
    private static let patienceNanoseconds: UInt64 = 5_000_000_000
    private var maintenanceIsBusy = false

    /// - Parameter opener: reopens the log in the directory when the one in use is gone or damaged.
    /// - Parameter checkpointPages: pages in the WAL at which it is checkpointed into the log.
    public init(
        live: LiveFile, drainer: Drainer, opener: LogOpener, keys: KeyRotation? = nil, log: PluginLogger,
        clock: DrainClock = .machine, checkpointPages: Int = Checkpointer.usualPages
    ) {
        self.live = live
        self.log = log
        self.clock = clock
        drops = drainer.drops
        dropWatch = DropWatch(live.map.dropTotals(.direct))
        dropsSeen = live.map.dropTotals(.both).sum
        current = CurrentLog(drainer, live: live, opener: opener, clock: clock)
        checkpointer = Checkpointer(
            map: live.map, path: opener.path, settings: live.options.settings, pages: checkpointPages, log: log)
        slots = SlotPreparation(live)
        storage = StorageWatch(live: live, directory: opener.directory.path, log: log)
        maintenance = Maintenance(
            directory: opener.directory.path, settings: live.options.settings, keys: keys, log: log, clock: clock)
    }

    /// The plugin counts as running from the moment init returns, not from the first turn. Any thread, before `begin`.
    public func announce() {
        live.map.set(QPCM_HEADER_STATE, UInt64(QPCM_STATE_RUNNING))
        checkpointer.recordHeartbeat(clock.now)
    }

    /// Once, before the first turn.
    public func begin() {
        current.drainer?.startLiveClock()
        if let writer = current.drainer?.writer { drops.load(writer) }
        // After a power cut the file must be recognizable as this session's, whatever else of it reached the disk.
        live.sync()
    }

    /// One turn: drains what is due, then does a little of what the log needs.
    ///
    /// - Parameter isAsked: everything whose hook has returned must be in the log and on the disk afterwards; if that fails,
    ///   it is reported.
    /// - Parameter isLast: `end` follows.
    /// - Parameter didFlush: called as soon as what was asked for is done, so that nobody waits longer than necessary.
    public func turn(isAsked: Bool, isLast: Bool = false, didFlush: () -> Void = {}) {
        watchStorage(isSuspected: !slots.goAhead())
        drainIfDue(isForced: isAsked)
        if isAsked {
            finishFlush()
            didFlush()
        }
        if isLast { return }
        lookAfterLog()
        if !slots.prepare() { watchStorage(isSuspected: true) }
        maintain()
    }

    /// After the last turn.
    public func end() {
        let now = clock.now
        watchDrops(now, isLast: true)
        current.drainer?.showPeople(nowMicroseconds: now.wall)
        maintenance.close()
        checkpointer.close(current.drainer, now)
        live.map.markStopped()
    }

    /// How long to wait for the next turn if nobody asks for one.
    public var pauseNanoseconds: UInt64 {
        if maintenanceIsBusy { return Self.busyTickNanoseconds }
        return waitingSince == nil && slots.isPrepared ? idleTickNanoseconds : tickNanoseconds
    }

    /// While something is being removed from the log.
    private static let busyTickNanoseconds: UInt64 = 100_000
    /// How often the rings are checked while events arrive...
    private var tickNanoseconds: UInt64 { hasSmallRings ? 5_000_000 : 20_000_000 }
    /// ...and while none arrive, when a tick costs more than it finds.
    private var idleTickNanoseconds: UInt64 { hasSmallRings ? 5_000_000 : 50_000_000 }
    private var hasSmallRings: Bool { live.map.ringBytes < 1 << 20 }

    /// The log in use; nil while there is none.
    var drainer: Drainer? { current.drainer }
    /// Whether the last attempt to write the log failed.
    var isInTrouble: Bool { trouble.isThere }

    /// Whether something is being removed from the log.
    var isMaintaining: Bool { maintenance.isWorking }

    // MARK: Draining

    private func drainIfDue(isForced: Bool) {
        let now = clock.monotonic
        let fullest = current.drainer?.look() ?? 0
        // After a failure it is tried again even if no event waits, or an idle server would never learn that the trouble is over.
        guard current.drainer != nil, !(trouble.isThere && fullest == 0) else {
            if isForced || now >= retryAt { drain() }
            return
        }
        if fullest == 0 && !isForced {
            waitingSince = nil
            return
        }
        let since = waitingSince ?? now
        waitingSince = since
        guard isForced || now >= retryAt else { return }
        // Flush early by the tick that may pass before a record is seen, plus the one before the flush.
        let early = idleTickNanoseconds + tickNanoseconds
        let interval = live.options.settings.flushIntervalNanoseconds
        let patience = interval - min(interval, early)
        guard isForced || now &- since >= patience || fullest >= UInt64(live.map.ringBytes) / 8 else { return }
        drain()
    }

    private func drain() {
        do {
            while try flushOnce() { try checkpointIfDue() }
            waitingSince = nil
        } catch {
            failed(error)
        }
    }

    /// One transaction.
    /// - Returns: whether something was left for the next.
    private func flushOnce() throws(LogError) -> Bool {
        let start = clock.monotonic
        // Do not write to a file that has lost its name.
        replaceIfChanged()
        let drainer = try openDrainer()
        defer { current.noteCheckpoints() }
        try checkpointer.expectRoom(drainer.writer)
        let progress = try drainer.step()
        let end = clock.monotonic
        recordFlush(nanoseconds: end &- start)
        checkpointer.didCommit(end)
        if trouble.isThere {
            // Without events nothing was written, which proves nothing.
            if progress.events == 0 { try drainer.saveCounters() }
            trouble.reset()
            live.map.set(QPCM_HEADER_LOG_TROUBLE, 0)
            log.info("the log can be written again")
        }
        return progress.isMoreWaiting
    }

    private func recordFlush(nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1000
        let bucket = Histogram.bucket(of: microseconds, bounds: Histogram.flushDurationBounds)
        live.map.drainDirect.increment(CounterIndex.flushDuration + bucket)
        live.map.drainDirect.add(microseconds, to: CounterIndex.flushDurationSum)
    }

    /// Events wait in their rings; a retry follows soon, and the cause is reported once.
    private func failed(_ error: LogError) {
        // The disk may have died since the last look. What follows is stored in the live file.
        watchStorage(isSuspected: false, isOverdue: true)
        live.map.drainDirect.increment(CounterIndex.flushErrors(error.cause))
        live.map.set(QPCM_HEADER_LOG_TROUBLE, UInt64(UInt32(bitPattern: error.code)))
        if !trouble.isThere { troubleSince = clock.monotonic }
        let advice = trouble.record(error)
        if advice.isNew { log.error("\(error.message); events wait in memory, and the plugin will try again") }
        obstacle = "\(error.message)" + (error.cause == .full ? "; make room on the disk first" : "")
        retryAt = clock.monotonic &+ FlushRetryPolicy.retryNanoseconds
        switch advice.remedy {
        case .wait: break
        // What a dead file system still gives back says nothing about the log.
        case .quarantine where storage.isDead: break
        case .reopen: closeLog(.failing)
        case .quarantine:
            if current.drainer == nil { current.noteDamage(error) } else { closeLog(.damaged(error)) }
            retryAt = 0
        }
    }

    /// Keeps the promise of `isAsked`: saves the counters too, and gets everything onto the disk.
    private func finishFlush() {
        guard !trouble.isThere else { return }
        do {
            try settleDamage()
            try current.drainer?.saveCounters()
            if let writer = current.drainer?.writer { try checkpointer.sync(writer, clock.monotonic) }
        } catch {
            failed(error)
        }
    }

    // MARK: The log itself

    /// - Parameter isSuspected: a store would have raised a signal.
    /// - Parameter isOverdue: whether to look even if that is not due.
    private func watchStorage(isSuspected: Bool, isOverdue: Bool = false) {
        if storage.hasDied(isSuspected: isSuspected, isOverdue: isOverdue, now: clock.monotonic) { closeLog(.failing) }
    }

    private func lookAfterLog() {
        let now = clock.now
        if files.isDue(now.monotonic) {
            replaceIfChanged()
            watchDrops(now)
        }
        checkpointer.showSignsOfLife(now)
        guard current.drainer != nil else { return }
        do {
            try checkpointIfDue()
            if let drainer = current.drainer { checkpointer.survey(drainer, now) }
            if damage.isDue(now.monotonic) {
                try settleDamage()
                current.drainer?.showPeople(nowMicroseconds: now.wall)
            }
            if let writer = current.drainer?.writer { try checkpointer.syncIfDue(writer, clock.monotonic) }
        } catch {
            failed(error)
        }
    }

    private func checkpointIfDue() throws(LogError) {
        guard let writer = current.drainer?.writer, checkpointer.isDue(writer) else { return }
        // After the checkpoint, what another program wrote to the log would pass for the plugin's own writes.
        guard !replaceIfChanged() else { return }
        defer { current.noteCheckpoints() }
        try checkpointer.checkpointIfDue(writer)
    }

    /// Shows when events were dropped, and reports it.
    private func watchDrops(_ now: DrainMoment, isLast: Bool = false) {
        let direct = live.map.dropTotals(.direct)
        let sum = live.map.dropTotals(.both).sum
        if sum > dropsSeen { live.map.set(QPCM_HEADER_LAST_DROP, UInt64(clamping: now.wall)) }
        dropsSeen = max(sum, dropsSeen)
        drops.note(direct, at: now.wall)
        // A log that cannot be written for a while leaves it to the live file to say since when.
        if drops.firstDrop > 0 { live.map.set(QPCM_HEADER_FIRST_DROP, UInt64(clamping: drops.firstDrop)) }
        let line = dropWatch.look(direct, now: now.monotonic, microseconds: now.wall, isLast: isLast)
        if let line { log.warning(line) }
    }

    /// Handles age, size, requests and keys; not while the log is in trouble.
    private func maintain() {
        maintenanceIsBusy = false
        guard !trouble.isThere else {
            // A moment's trouble only makes a request wait.
            if clock.monotonic &- troubleSince > Self.patienceNanoseconds { maintenance.refuse(obstacle, current.drainer) }
            return
        }
        if maintenance.mayCheckpoint { replaceIfChanged() }
        guard let drainer = current.drainer else { return }
        maintenanceIsBusy = maintenance.run(drainer, checkpointer)
        current.noteCheckpoints()
    }

    /// - Returns: whether the log in use is no longer the one in the directory, and was therefore closed.
    @discardableResult
    private func replaceIfChanged() -> Bool {
        guard let change = current.change() else { return false }
        closeLog(.changed(change))
        return true
    }

    func closeLog(_ cause: CurrentLog.Cause) {
        checkpointer.logClosed()
        maintenance.logClosed()
        current.close(cause)
    }

    private func openDrainer() throws(LogError) -> Drainer {
        if let drainer = current.drainer { return drainer }
        try storage.expectAlive(current.path)
        let drainer = try current.open()
        checkpointer.didCommit(clock.monotonic)
        _ = drainer.look()
        return drainer
    }

    /// After a ring was found damaged: counts what was in it as torn, as soon as nothing else waits.
    private func settleDamage() throws(LogError) {
        guard let drainer = current.drainer, drainer.hasMetDamage else { return }
        if !hasSaidDamage {
            hasSaidDamage = true
            log.error("a ring in live.qpcm is damaged; the events in it are lost, and counted as torn")
        }
        let counted = live.map.totals(.ringed)
        try drainer.takeAll()
        if drainer.countTorn(counted) > 0 { try drainer.saveCounters() }
    }
}

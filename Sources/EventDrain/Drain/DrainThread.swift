import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// The plugin's one thread: wakes every few milliseconds, drains, keeps the log, beats. All signals are blocked in it,
/// and its name is `qpc-metrics`.
///
/// The server's threads never wake it, for that would be a system call. `flush` and `stop` do.
public final class DrainThread: @unchecked Sendable {
    private let live: LiveFile
    /// Nil while the log is changed for another.
    private var drainer: Drainer?
    private let replacement: LogReopening
    private let log: PluginLogger
    private let upkeep: Checkpointer
    private let slots: SlotPreparation
    private let keeper: Maintenance
    private let storage: StorageWatch
    private let logPath: String

    private var thread = pthread_t()
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Guarded by the mutex.
    private var flushesAsked: UInt64 = 0
    private var flushesDone: UInt64 = 0
    private var isStopping = false

    /// Something that takes time to be let go of, which the thread does first. Set before `start`.
    public var letGo: LiveFileReader?

    // The thread's own.
    private var waitingSince: UInt64 = 0
    private var retryAt: UInt64 = 0
    private var lookedAt: UInt64 = 0
    private var settledAt: UInt64 = 0
    private var trouble = FlushRetryPolicy()
    private var hasSaidDamage = false
    private let drops: DropMinutes
    private var dropWatch: DropWatch
    private var dropsSeen: UInt64

    public init(
        live: LiveFile, drainer: Drainer, place: LogOpener, keys: KeyRotation? = nil, log: PluginLogger
    ) {
        self.live = live
        self.drainer = drainer
        self.log = log
        drops = drainer.drops
        dropWatch = DropWatch(live.map.dropTotals(.direct))
        dropsSeen = live.map.dropTotals(.both).sum
        replacement = LogReopening(place: place, live: live, session: drainer.session, writer: drainer.writer)
        upkeep = Checkpointer(map: live.map, writer: drainer.writer, settings: live.options.settings, log: log)
        slots = SlotPreparation(live)
        storage = StorageWatch(live: live, directory: place.directory.path, log: log)
        logPath = place.path
        keeper = Maintenance(
            directory: place.directory.path,
            settings: live.options.settings, keys: keys, log: log)
        pthread_mutex_init(mutex, nil)
        qpcm_condition_init(wake)
        qpcm_condition_init(done)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(wake)
        pthread_cond_destroy(done)
        mutex.deallocate()
        wake.deallocate()
        done.deallocate()
    }

    /// - Returns: 0, or the system's error number.
    public func start() -> Int32 {
        // Up from the moment that init returns, not from the thread's first turn.
        live.map.set(QPCM_HEADER_STATE, UInt64(QPCM_STATE_RUNNING))
        upkeep.recordHeartbeat()
        // The thread inherits the mask it is made under: no signal of the server's is ever delivered to it.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<DrainThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        if code != 0 {
            Unmanaged.passUnretained(self).release()
            return code
        }
        qpcm_name_thread(thread, "qpc-metrics")
        return 0
    }

    /// Returns when every event whose hook returned before the call is in the log and on the disk; or when that has
    /// failed, which has then been said. Any thread; blocks.
    public func flush() {
        pthread_mutex_lock(mutex)
        flushesAsked += 1
        let ticket = flushesAsked
        pthread_cond_signal(wake)
        while flushesDone < ticket { pthread_cond_wait(done, mutex) }
        pthread_mutex_unlock(mutex)
    }

    /// Drains what is left, and joins the thread. Once; any thread; blocks.
    public func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_signal(wake)
        pthread_mutex_unlock(mutex)
        pthread_join(thread, nil)
    }

    // MARK: The thread

    /// How often the rings are looked at while events come...
    private var tickNanoseconds: UInt64 { live.map.ringBytes < 1 << 20 ? 5_000_000 : 20_000_000 }
    /// ...and while none come, when a tick costs more than it finds.
    private var idleTickNanoseconds: UInt64 { live.map.ringBytes < 1 << 20 ? 5_000_000 : 50_000_000 }

    /// ...and while something is being removed from the log.
    private static let busyTickNanoseconds: UInt64 = 100_000
    private var keeperIsBusy = false

    private func run() {
        drainer?.startLiveClock()
        letGo = nil
        // After a power cut the file is to be known for this session's, whatever else of it has come to the disk.
        live.sync()
        while true {
            pthread_mutex_lock(mutex)
            if !isStopping && flushesAsked == flushesDone {
                let isIdle = waitingSince == 0 && slots.isPrepared
                qpcm_condition_wait(
                    wake, mutex, keeperIsBusy ? Self.busyTickNanoseconds : isIdle ? idleTickNanoseconds : tickNanoseconds)
            }
            let asked = flushesAsked
            let stopping = isStopping
            pthread_mutex_unlock(mutex)

            watchStorage(isSuspected: !slots.goAhead())
            let isAsked = stopping || asked != flushesDone
            drainIfDue(force: isAsked)
            if isAsked { finishFlush() }
            if asked != flushesDone {
                pthread_mutex_lock(mutex)
                flushesDone = asked
                pthread_cond_broadcast(done)
                pthread_mutex_unlock(mutex)
            }
            if stopping { break }
            lookAfterLog()
            if !slots.prepare() { watchStorage(isSuspected: true) }
            keepLog()
        }
        watchDrops(now: TickClock.monotonicNanoseconds(), isLast: true)
        drainer?.showPeople(nowMicroseconds: Int64(clamping: TickClock.realtimeNanoseconds() / 1000))
        keeper.close()
        upkeep.close()
        live.map.markStopped()
    }

    private func drainIfDue(force: Bool) {
        let now = TickClock.monotonicNanoseconds()
        let fullest = drainer?.look() ?? 0
        guard drainer != nil else {
            if force || now >= retryAt { drainAll() }
            return
        }
        if fullest == 0 && !force {
            waitingSince = 0
            return
        }
        if waitingSince == 0 { waitingSince = now }
        guard force || now >= retryAt else { return }
        // Early by the tick that may pass before a record is seen, and the one before the flush.
        let early = idleTickNanoseconds + tickNanoseconds
        let interval = live.options.settings.flushIntervalNanoseconds
        let patience = interval - min(interval, early)
        guard force || now &- waitingSince >= patience || fullest >= UInt64(live.map.ringBytes) / 8 else {
            return
        }
        drainAll()
    }

    private func drainAll() {
        do {
            while true {
                let isMoreWaiting = try drainStep()
                if !isMoreWaiting {
                    waitingSince = 0
                    return
                }
                try upkeep.checkpointIfDue()
            }
        } catch {
            failed(error)
        }
    }

    /// One transaction. Returns whether something was left for the next.
    private func drainStep() throws(LogError) -> Bool {
        let start = TickClock.monotonicNanoseconds()
        // Not into a file that has lost its name.
        replaceIfChanged()
        let drainer = try openDrainer()
        try upkeep.expectRoom()
        let progress = try drainer.step()
        recordFlush(since: start)
        upkeep.didCommit()
        if trouble.isThere {
            trouble.isOver()
            live.map.set(QPCM_HEADER_LOG_TROUBLE, 0)
            log.info("the log can be written again")
        }
        return progress.isMoreWaiting
    }

    private func recordFlush(since start: UInt64) {
        let microseconds = (TickClock.monotonicNanoseconds() &- start) / 1000
        let bucket = Histogram.bucket(of: microseconds, bounds: Histogram.flushDurationBounds)
        live.map.drainDirect.increment(CounterIndex.flushDuration + bucket)
        live.map.drainDirect.add(microseconds, to: CounterIndex.flushDurationSum)
    }

    /// Events wait in their rings; the next try is soon, and what it is about is said once.
    private func failed(_ error: LogError) {
        live.map.drainDirect.increment(CounterIndex.flushErrors(error.cause))
        live.map.set(QPCM_HEADER_LOG_TROUBLE, UInt64(UInt32(bitPattern: error.code)))
        let advice = trouble.meet(error)
        if advice.isNew { log.error("\(error.message); events wait in memory, and it is tried again") }
        retryAt = TickClock.monotonicNanoseconds() + FlushRetryPolicy.retryNanoseconds
        switch advice.remedy {
        case .wait: break
        case .reopen: replaceLog(.failing)
        case .quarantine:
            if drainer == nil { replacement.meet(error) } else { replaceLog(.damaged(error)) }
            retryAt = 0
        }
    }

    /// What `flush` promises: the counters too, and all of it on the disk.
    private func finishFlush() {
        guard !trouble.isThere else { return }
        do {
            try settleDamage()
            try drainer?.saveCounters()
        } catch {
            failed(error)
            return
        }
        do { try upkeep.sync() } catch { failed(error) }
    }

    // MARK: The log itself

    private func watchStorage(isSuspected: Bool) {
        if storage.hasDied(isSuspected: isSuspected) { replaceLog(.failing) }
    }

    /// Between flushes.
    private func lookAfterLog() {
        let now = TickClock.monotonicNanoseconds()
        if now &- lookedAt >= 500_000_000 {
            lookedAt = now
            replaceIfChanged()
            watchDrops(now: now)
        }
        do {
            try upkeep.run()
            if now &- settledAt >= 1_000_000_000 {
                settledAt = now
                try settleDamage()
                drainer?.showPeople(nowMicroseconds: Int64(clamping: TickClock.realtimeNanoseconds() / 1000))
            }
        } catch {
            failed(error)
        }
        do { try upkeep.syncIfDue() } catch { failed(error) }
    }

    /// Shows when events were dropped, and reports it.
    private func watchDrops(now: UInt64, isLast: Bool = false) {
        let direct = live.map.dropTotals(.direct)
        let sum = live.map.dropTotals(.both).sum
        let microseconds = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        if sum > dropsSeen { live.map.set(QPCM_HEADER_LAST_DROP, UInt64(microseconds)) }
        dropsSeen = max(sum, dropsSeen)
        drops.note(direct, at: microseconds)
        if let line = dropWatch.look(direct, now: now, microseconds: microseconds, isLast: isLast) { log.warning(line) }
    }

    /// Ages, sizes, requests and keys; not while the log is in trouble.
    private func keepLog() {
        keeperIsBusy = false
        guard let drainer, !trouble.isThere else { return }
        keeperIsBusy = keeper.run(drainer, upkeep)
    }

    private func replaceIfChanged() {
        guard let writer = drainer?.writer else { return }
        if let change = replacement.change(of: writer) { replaceLog(.changed(change)) }
    }

    private func replaceLog(_ cause: LogReopening.Cause) {
        upkeep.writer = nil
        keeper.logChanged()
        replacement.close(&drainer, cause)
    }

    private func openDrainer() throws(LogError) -> Drainer {
        if let drainer { return drainer }
        try storage.expectAlive(logPath)
        let next = try replacement.open()
        drainer = next
        upkeep.writer = next.writer
        upkeep.didCommit()
        _ = next.look()
        return next
    }

    /// After a ring was found damaged: what was in it is counted as torn, as soon as nothing else waits.
    private func settleDamage() throws(LogError) {
        guard let drainer, drainer.hasMetDamage else { return }
        if !hasSaidDamage {
            hasSaidDamage = true
            log.error("a ring in live.qpcm is damaged; the events in it are lost, and counted as torn")
        }
        let counted = live.map.totals(.ringed)
        _ = drainer.look()
        while try drainer.step().isMoreWaiting {}
        if drainer.countTorn(counted) > 0 { try drainer.saveCounters() }
    }
}

import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// Keeps the log within its age and size limits, and removes from it what somebody asks to be removed; between flushes, on
/// the plugin's thread.
final class Maintenance {
    /// The length of one turn: a flush may have to wait this long.
    private static let turnNanoseconds: UInt64 = 4_000_000
    private static let retryNanoseconds: UInt64 = 1_000_000_000
    /// How long a request waits for readers of the log to end.
    private static let readerNanoseconds: UInt64 = 30_000_000_000

    private let settings: Settings
    private let control: ControlSocket
    private let keys: KeyRotation?
    private let log: PluginLogger
    private let clock: DrainClock
    private var job: MaintenanceJob?
    private var isRequest = false
    /// What was asked for, and by whom: `prune of events older than 7 days, requested by user 1000, process 4242`.
    private var request = ""
    private var jobStart: UInt64 = 0
    private var answers = DrainTimer(every: 1_000_000_000)
    private var rounds: DrainTimer
    private var sizes = DrainTimer(every: 1_000_000_000)
    private var pausedUntil: UInt64 = 0
    /// When to try again to clear the WAL of what has left the log; nil if nothing is left in it.
    private var clearAt: UInt64?
    /// Nil until the first turn.
    private var trusted: TrustedTime?

    /// Without retention, waits longer than this are forgotten: 30 days.
    private static let waitLimit: UInt64 = 30 * 86_400_000_000_000

    init(directory: String, settings: Settings, keys: KeyRotation?, log: PluginLogger, clock: DrainClock) {
        self.settings = settings
        self.keys = keys
        self.log = log
        self.clock = clock
        // The oldest events are checked every thousandth of the retention: at most every second, at least every 10 minutes.
        rounds = DrainTimer(every: min(600_000_000_000, max(1_000_000_000, (settings.retentionNanoseconds ?? .max) / 1000)))
        control = ControlSocket(directory: directory)
    }

    var isWorking: Bool { job != nil }

    /// Whether `run` may write to the log's file itself, not only to its WAL.
    var mayCheckpoint: Bool { job != nil || clearAt != nil }

    /// Does a little work.
    /// - Returns: whether there is more to do at once.
    func run(_ drainer: Drainer, _ checkpointer: Checkpointer) -> Bool {
        let moment = clock.now
        let now = moment.monotonic
        let time = trustedTime(drainer.writer, moment)
        keys?.run(drainer.writer, nowMicroseconds: time, monotonicNanoseconds: now)
        drainer.forgetWaiting(
            before: time.subtractingReportingOverflow(Int64(clamping: (settings.retentionNanoseconds ?? Self.waitLimit) / 1000))
                .partialValue)
        clearIfDue(drainer.writer, now)
        guard now >= pausedUntil else { return false }
        if let order = control.request(drainer.writer) { begin(order, drainer, isRequest: true) }
        if job == nil, let order = dueOrder(drainer.writer, now: now, time: time) { begin(order, drainer, isRequest: false) }
        guard let job else { return false }
        defer { checkpointer.didCommit(now) }
        do {
            repeat {
                try job.step { (cause, body) throws(LogError) -> [UInt64] in try drainer.remove(cause, body) }
                if checkpointer.isDue(drainer.writer) { try drainer.writer.checkpoint(truncating: false) }
            } while !job.isDone && !job.waitsForReaders && clock.monotonic &- now < Self.turnNanoseconds
        } catch {
            fail(error.message)
            return false
        }
        if job.isDone {
            if job.leavesCopy { clearAt = now }
            if isRequest {
                drainer.forgetWaiting(before: job.before)
                checkpointer.didRemove(drainer, moment)
            }
            if job.outcome.events > 0 { keys?.didRemove(drainer.writer, nowMicroseconds: time, monotonicNanoseconds: now) }
            end(job)
            return false
        }
        if job.waitsForReaders { return waitForReaders(job) }
        tell(job)
        return true
    }

    /// While the log cannot be written: refuses what is asked, rather than doing it when nobody waits for it any more.
    func refuse(_ why: String, _ drainer: Drainer?) {
        if job != nil, isRequest { fail(why) }
        _ = control.request(drainer?.writer, obstacle: why)
    }

    private func clearIfDue(_ writer: EventLogWriter, _ now: UInt64) {
        guard let due = clearAt, now >= due else { return }
        try? writer.checkpoint(truncating: true)
        clearAt = writer.isWALEmpty ? nil : now &+ Self.retryNanoseconds
    }

    private func begin(_ order: MaintenanceJob.Order, _ drainer: Drainer, isRequest: Bool) {
        do {
            // "Forget her" means everything she did until now. Events of hers that still wait in the rings would otherwise reach
            // the log after the removal.
            if isRequest { try drainer.takeAll() }
            job = try MaintenanceJob(order, writer: drainer.writer, isAsked: isRequest)
            self.isRequest = isRequest
            request = isRequest ? describe(order) : ""
            jobStart = clock.monotonic
            answers.restart(jobStart)
        } catch {
            self.isRequest = isRequest
            request = isRequest ? describe(order) : ""
            fail(error.message)
        }
    }

    /// The time that may decide what cannot be undone. Also keeps it saved in the log.
    private func trustedTime(_ writer: EventLogWriter, _ now: DrainMoment) -> Int64 {
        var time = trusted ?? TrustedTime.begin(writer, wall: now.wall, monotonic: now.monotonic)
        defer { trusted = time }
        switch time.read(wall: now.wall, monotonic: now.monotonic) {
        case nil: break
        case .jumped(let gap):
            let days = abs(max(gap, -.max)) / 86_400_000_000
            log.warning(
                "the time of day is \(days) days \(gap > 0 ? "ahead of" : "behind") what the log last recorded; until it "
                    + "has held for 6 hours, retention and key rotation use the earlier of the two")
        case .believed: log.info("the time of day has held for 6 hours: retention and key rotation use it again")
        case .returned: log.info("the time of day is back to what the log last recorded")
        }
        // If this fails, the next save, an hour later, makes up for it.
        if let saved = time.timeToSave() { try? writer.saveTrustedTime(saved) }
        return time.now(wall: now.wall)
    }

    private func dueOrder(_ writer: EventLogWriter, now: UInt64, time: Int64) -> MaintenanceJob.Order? {
        var before = Int64.min
        var isDue = false
        if let retention = settings.retentionNanoseconds, rounds.isDue(now) {
            before = time.subtractingReportingOverflow(Int64(clamping: retention / 1000)).partialValue
            isDue = true
        }
        if let maxBytes = settings.maxLogBytes, sizes.isDue(now) {
            if let pages = try? writer.pageCounts(), pages.all * pages.bytesEach > Int64(clamping: maxBytes) {
                isDue = true
            }
        }
        return isDue ? .prune(before: before, maxBytes: settings.maxLogBytes.map { Int64(clamping: $0) }) : nil
    }

    private func tell(_ job: MaintenanceJob) {
        guard isRequest, answers.isDue(clock.monotonic) else { return }
        control.answer(Int(QPCM_CONTROL_WORKING), job.outcome)
    }

    private func waitForReaders(_ job: MaintenanceJob) -> Bool {
        if clock.monotonic &- jobStart > Self.readerNanoseconds {
            fail("removed, but a reader's open transaction keeps a copy in the WAL: end the reader, and try again")
            return false
        }
        tell(job)
        return false
    }

    private func end(_ job: MaintenanceJob) {
        if isRequest {
            log.info("\(request): \(Self.result(job.outcome))")
            control.answer(Int(QPCM_CONTROL_DONE), job.outcome)
        } else if job.outcome.events > 0 {
            log.debug("\(job.outcome.events) events left the log by age or size")
        }
        self.job = nil
    }

    /// What is done is done; the rest is retried in the next round, or by whoever asked.
    private func fail(_ why: String) {
        if isRequest {
            let outcome = job?.outcome ?? MaintenanceJob.Outcome()
            log.warning("\(request): \(Self.result(outcome)), then failed: \(why)")
            control.answer(Int(QPCM_CONTROL_FAILED), outcome, message: why)
        } else {
            log.debug("\(why); the oldest events stay until the next attempt")
        }
        job = nil
        pausedUntil = clock.monotonic &+ Self.retryNanoseconds
    }

    /// What is asked for and by whom, without naming anybody in the log.
    private func describe(_ order: MaintenanceJob.Order) -> String {
        var text: String
        switch order {
        case .prune(let before, let maxBytes):
            text = "prune"
            if before == Int64.max {
                text += " of every event"
            } else if before > Int64.min {
                let age = (clock.now.wall &- before) / 1_000_000
                text += " of events older than " + Self.age(max(0, age))
            }
            if let maxBytes { text += " down to \(maxBytes) bytes" }
        case .forget: text = "forget"
        case .rebuild: text = "rebuild"
        }
        return text + ", requested by user \(control.askingUser), process \(control.askingProcess)"
    }

    /// In the largest unit of which there are at least two.
    private static func age(_ seconds: Int64) -> String {
        if seconds >= 172_800 { return "\(seconds / 86_400) days" }
        if seconds >= 7200 { return "\(seconds / 3600) h" }
        return seconds >= 120 ? "\(seconds / 60) min" : "\(seconds) s"
    }

    private static func result(_ outcome: MaintenanceJob.Outcome) -> String {
        if outcome.segments > 0 { return "\(outcome.segments) segments rebuilt" }
        return outcome.events == 1 ? "1 event removed" : "\(outcome.events) events removed"
    }

    /// The next log is a different one.
    func logClosed() {
        trusted?.forgetSaved()
        if job != nil { fail("the log was replaced in the meantime; try again") }
    }

    func close() {
        if let job, isRequest {
            control.answer(
                Int(QPCM_CONTROL_FAILED), job.outcome, message: "the server is shutting down; run the command again")
        }
        job = nil
        control.close()
    }
}

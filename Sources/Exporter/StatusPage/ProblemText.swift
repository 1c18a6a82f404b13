import EventLog
import MetricsModel
import MetricsQuery
import Terminal
import TimeWords

/// What is wrong with a plugin and what to do about it, in words: the same in `status` and on the page.
public enum ProblemText {
    public static func words(_ problem: Status.Problem, zone: ClockZone) -> String {
        switch problem {
        case .neverRan: "the plugin has not run here since live.qpcm was removed: start the server with the plugin"
        case .liveGone(let path):
            "the live file \(path) is gone, as after a power cut, or is not this directory's: "
                + "start the server, which counts what can be counted of what was lost"
        case .stuck(let pid):
            "process \(pid) holds the directory, but its plugin has had no heartbeat for 5 s: "
                + "is the process stopped, or its disk stuck? See its standard error"
        case .shutDown: "the plugin was shut down: start the server with it"
        case .recovered(let time):
            "the server died; its pending events were recovered at \(LocalTime.text(time, zone: zone).prefix(19)): "
                + "start it again; its standard error says why it died"
        case .died(let pending, let keepsRows):
            "the server died with \(Quantity.count(pending, "event")) pending: "
                + "start it again or run qpc-metrics recover, which \(keepsRows ? "put them into the log" : "count them")"
        case .ringFilling(let percent):
            "a ring is \(percent) % full, and events that do not fit are dropped: "
                + "if nothing else here explains it, raise QPC_METRICS_PLUGIN_RING_SIZE"
        case .logOverLimit(let bytes, let limit):
            "the log has \(Quantity.bytes(bytes)), over its limit of \(Quantity.bytes(limit)): "
                + "if this lasts longer than a minute, see the server's standard error"
        case .walHeld(let reader, let bytes):
            "process \(reader) keeps a transaction open on the log, and the WAL has grown to \(Quantity.bytes(bytes)): "
                + "end it, or events will have to wait and then be dropped"
        case .flushFailing(let cause, let code):
            "events cannot be written into the log (SQLite code \(code)): \(words(cause))"
        case .lagging(let nanoseconds):
            "the oldest event has waited \(Quantity.age(seconds: nanoseconds / 1_000_000_000)) for the log: "
                + "is the disk slow or the CPU busy?"
        case .dropped(let drops, let last, let more):
            (drops.sum == 0 ? "events" : Quantity.count(drops.sum, "event")) + (drops.sum == 1 ? " was" : " were")
                + " dropped within the last hour, the last at \(LocalTime.text(last, zone: zone).dropFirst(11).prefix(8))"
                + (drops.sum == 0 ? "" : " (\(causes(drops)))")
                + (more == 0 ? "" : ", and up to \(Quantity.grouped(more)) more at times that are not known") + ": \(cure(drops))"
        case .mismatch(let text): "\(text): run qpc-metrics verify"
        }
    }

    /// The section of docs/RUNBOOKS.md, named after its alert; nil if there is none.
    static func runbook(_ problem: Status.Problem) -> String? {
        switch problem {
        case .neverRan, .liveGone, .stuck, .shutDown, .recovered, .died: "QpcPluginDown"
        case .ringFilling, .dropped: "QpcEventsDropped"
        case .walHeld: "QpcLogHeld"
        case .flushFailing: "QpcLogErrors"
        case .lagging: "QpcDrainLagging"
        case .logOverLimit, .mismatch: nil
        }
    }

    /// `82,825 ring_full, 12 torn`.
    public static func causes(_ drops: DropTotals) -> String {
        DropCause.allCases.filter { drops.sum($0) > 0 }.map { "\(Quantity.grouped(drops.sum($0))) \($0.name)" }
            .joined(separator: ", ")
    }

    private static func cure(_ drops: DropTotals) -> String {
        if drops.sum(.noSlot) > 0 { return "free disk space for a thread's ring; at most 1,024 threads can call hooks" }
        if drops.sum(.logError) > 0 { return "the server's standard error says what happened to the log" }
        if drops.sum(.torn) > 0 { return "a power cut or a disk failure; see the server's standard error" }
        return "raise QPC_METRICS_PLUGIN_RING_SIZE"
    }

    private static func words(_ cause: FlushErrorCause) -> String {
        switch cause {
        case .full: "the disk is full; make room"
        case .busy: "another process holds the log's lock; end that process"
        case .io: "reading or writing the log fails; check the disk and the owner of the files"
        case .corrupt: "the log is damaged; it is quarantined and a new one begun, see the server's standard error"
        case .other: "see the server's standard error"
        }
    }
}

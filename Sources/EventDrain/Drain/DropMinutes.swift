import EventLog
import MetricsModel

/// What was dropped since the log's last commit, by the minute in which it was noticed, and what the log lists already, for the
/// log that may take its place. Passed from one drainer to the next when the log is replaced. Used on the plugin's thread.
public final class DropMinutes {
    /// The live file's `direct` totals at the last look.
    private var noted: DropTotals
    private(set) var pending: [DropMinute] = []
    /// When the first and the last of `pending` were noticed, UTC, microseconds; 0 for none.
    private(set) var firstDrop: Int64 = 0
    private(set) var lastDrop: Int64 = 0
    /// Drops that no minute is known of, and that the log does not list yet.
    private(set) var spans: [DropSpan] = []
    /// What another log listed, and this one may not.
    private(set) var carried: [DropMinute] = []

    /// What the log lists: the newest, oldest first.
    private var listed: [DropMinute] = []
    private var listedSpans: [DropSpan] = []

    /// A day without a commit; later drops are added to the last minute. Also the most minutes that the next log is told of.
    private static let minuteLimit = 1440
    private static let spanLimit = 256

    init(noted: DropTotals) { self.noted = noted }

    /// Learns what the open log lists.
    func load(_ writer: EventLogWriter) {
        guard let known = try? writer.listedDrops() else { return }
        listed = Array(known.minutes.suffix(Self.minuteLimit))
        listedSpans = Array(known.spans.suffix(Self.spanLimit))
    }

    /// - Parameter direct: the live file's `direct` totals now.
    func note(_ direct: DropTotals, at microseconds: Int64) {
        let growth = direct.growth(since: noted)
        noted = direct
        add(growth, at: microseconds)
    }

    /// Takes drops as noted that are listed otherwise.
    func skip(_ direct: DropTotals) { noted = direct }

    func add(_ drops: DropTotals, at microseconds: Int64) {
        guard drops.sum > 0 else { return }
        lastDrop = microseconds
        if firstDrop == 0 { firstDrop = microseconds }
        let minute = DropMinute(minute: microseconds / 60_000_000, drops: drops)
        Self.append(minute, to: &pending, isFull: pending.count >= Self.minuteLimit)
    }

    /// - Parameter span: drops to list without a minute.
    func add(_ span: DropSpan) {
        guard span.drops.sum > 0 else { return }
        spans.append(span)
        lastDrop = max(lastDrop, span.until)
    }

    /// Events that were lost with a log, as was found out now: they count as drops of this minute, although they happened
    /// earlier.
    func lose(_ drops: DropTotals, at now: Int64, since: Int64, until: Int64) {
        add(DropSpan(found: now, since: since, until: min(until, now), drops: drops, isListed: true))
        add(drops, at: now)
    }

    /// The next log may not list what the last one did.
    func carryOver() {
        carried = listed
        spans = listedSpans.filter { old in !spans.contains { $0.found == old.found && $0.isListed == old.isListed } } + spans
    }

    /// What a commit that fails leaves as it was.
    struct Account {
        fileprivate var pending: [DropMinute]
        fileprivate var firstDrop: Int64
        fileprivate var lastDrop: Int64
        fileprivate var spans: [DropSpan]
        fileprivate var carried: [DropMinute]
    }

    var account: Account {
        get { Account(pending: pending, firstDrop: firstDrop, lastDrop: lastDrop, spans: spans, carried: carried) }
        set {
            pending = newValue.pending
            firstDrop = newValue.firstDrop
            lastDrop = newValue.lastDrop
            spans = newValue.spans
            carried = newValue.carried
        }
    }

    /// - Parameter counted: what the transaction itself counted as dropped.
    func didCommit(counted: DropMinute?) {
        for minute in pending { Self.append(minute, to: &listed, isFull: false) }
        if let counted { Self.append(counted, to: &listed, isFull: false) }
        if listed.count > Self.minuteLimit { listed.removeFirst(listed.count - Self.minuteLimit) }
        if !spans.isEmpty {
            for span in spans where !listedSpans.contains(where: { $0.found == span.found && $0.isListed == span.isListed }) {
                listedSpans.append(span)
            }
            if listedSpans.count > Self.spanLimit { listedSpans.removeFirst(listedSpans.count - Self.spanLimit) }
        }
        pending = []
        spans = []
        carried = []
        firstDrop = 0
        lastDrop = 0
    }

    private static func append(_ minute: DropMinute, to minutes: inout [DropMinute], isFull: Bool) {
        if let last = minutes.last, last.minute == minute.minute || isFull {
            minutes[minutes.count - 1].drops.add(minute.drops)
        } else {
            minutes.append(minute)
        }
    }
}

import EventLog
import MetricsModel

/// What hooks dropped since the log's last commit, by the minute in which it was noticed. Passed from one drainer to the next
/// when the log is replaced. Used on the plugin's thread.
public final class DropMinutes {
    /// The live file's `direct` totals at the last look.
    private var noted: DropTotals
    private(set) var pending: [DropMinute] = []
    /// When the last of `pending` was noticed, UTC, microseconds; 0 for none.
    private(set) var lastDrop: Int64 = 0

    /// A day without a commit; later drops are added to the last minute.
    private static let minuteLimit = 1440

    init(noted: DropTotals) { self.noted = noted }

    /// - Parameter direct: the live file's `direct` totals now.
    func note(_ direct: DropTotals, at microseconds: Int64) {
        let growth = direct.growth(since: noted)
        noted = direct
        add(growth, at: microseconds)
    }

    func add(_ drops: DropTotals, at microseconds: Int64) {
        guard drops.sum > 0 else { return }
        lastDrop = microseconds
        let minute = microseconds / 60_000_000
        if let last = pending.last, last.minute == minute || pending.count >= Self.minuteLimit {
            pending[pending.count - 1].drops.add(drops)
        } else {
            pending.append(DropMinute(minute: minute, drops: drops))
        }
    }

    func didCommit() {
        pending = []
        lastDrop = 0
    }
}

import MetricsModel
import MetricsQuery
import Terminal

/// Reports on standard error that the log is off, so that nobody takes an answer for what happened.
enum LogOff {
    /// Whether the plugin's last run kept no rows.
    static func isSo(_ source: DataSource) -> Bool { (try? source.live())?.header.settings.keepsRows == false }

    /// Why there is nothing to show.
    static let reason = "\(Settings.logIsOff): events are counted, and none is kept; qpc-metrics status and top have the counters"
}

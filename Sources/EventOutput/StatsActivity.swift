import MetricsModel
import Readings

/// The numbers of an identity's or a channel's activity, under the names that JSON and CSV give them.
enum StatsActivity {
    static func numbers(_ activity: WindowStats.Activity, _ kind: NameKind) -> [(name: String, value: UInt64)] {
        let sent = UInt64(clamping: activity.sent)
        let fetches = [
            ("fetches", UInt64(clamping: activity.fetches)), ("messages_fetched", activity.messagesFetched),
        ]
        if kind == .channel { return [("messages", sent), ("bytes", activity.bytesSent)] + fetches }
        return [
            ("sent", sent), ("bytes_sent", activity.bytesSent), ("received", UInt64(clamping: activity.received)),
            ("bytes_received", activity.bytesReceived),
        ] + fetches
    }
}

import MetricsModel

/// Words the reports that hooks have begun to drop events, and that the drops are over. Only makes the text; the caller
/// writes it to standard error.
struct DropWatch {
    /// Without a drop for this long, an episode is over.
    private static let quietNanoseconds: UInt64 = 10_000_000_000

    private var seen: DropTotals
    private var episode: Episode?

    private struct Episode {
        var before: DropTotals
        /// UTC, microseconds.
        var first: Int64
        var last: Int64
        /// When the last drop was seen; monotonic, nanoseconds.
        var lastSeen: UInt64
    }

    /// - Parameter direct: the live file's `direct` totals at the start.
    init(_ direct: DropTotals) { seen = direct }

    /// - Parameter isLast: whether this is the last look.
    /// - Returns: a line to report, or nil.
    mutating func look(_ direct: DropTotals, now: UInt64, microseconds: Int64, isLast: Bool) -> String? {
        let growth = direct.growth(since: seen)
        defer { seen = direct }
        if growth.sum > 0 {
            let isNew = episode == nil
            if isNew { episode = Episode(before: seen, first: microseconds, last: microseconds, lastSeen: now) }
            episode?.last = microseconds
            episode?.lastSeen = now
            if isNew && !isLast { return "events are being dropped: " + Self.causes(growth) }
        }
        guard let over = episode, isLast || now &- over.lastSeen >= Self.quietNanoseconds else { return nil }
        episode = nil
        return Self.summary(over, direct)
    }

    private static func summary(_ episode: Episode, _ direct: DropTotals) -> String {
        let drops = direct.growth(since: episode.before)
        var kinds = ""
        for kind in EventKind.allCases where drops.sum(kind) > 0 {
            kinds += (kinds.isEmpty ? "" : ", ") + "\(grouped(drops.sum(kind))) \(kind.name)"
        }
        let events = drops.sum == 1 ? "1 event was dropped" : "\(grouped(drops.sum)) events were dropped"
        let from = timeOfDay(episode.first)
        let to = timeOfDay(episode.last)
        let when = episode.first / 1_000_000 == episode.last / 1_000_000 ? "at \(from)" : "from \(from) to \(to)"
        return "\(events) \(when) UTC (\(kinds)); they are counted but not in the log: \(causes(drops))"
    }

    /// Why, and what to do.
    private static func causes(_ drops: DropTotals) -> String {
        var texts: [String] = []
        if drops.sum(.ringFull) > 0 {
            texts.append("a thread's ring is full (ring_full): raise QPC_METRICS_PLUGIN_RING_SIZE")
        }
        if drops.sum(.noSlot) > 0 {
            texts.append("there is no room for a thread's ring (no_slot): free disk space; at most 1,024 threads can call hooks")
        }
        return texts.joined(separator: "; ")
    }

    private static func grouped(_ value: UInt64) -> String {
        var digits: [UInt8] = []
        var rest = value
        repeat {
            if digits.count % 4 == 3 { digits.append(0x2C) }
            digits.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        return String(decoding: digits.reversed(), as: UTF8.self)
    }

    private static func timeOfDay(_ microseconds: Int64) -> String {
        let second = max(0, microseconds) / 1_000_000 % 86_400
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }
}

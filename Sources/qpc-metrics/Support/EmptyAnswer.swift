import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// Reports on standard error why an answer is empty: "nothing happened" and "nothing could be found" are different things.
enum EmptyAnswer {
    static func explain(_ filter: EventFilter, _ log: EventLogReader, _ source: DataSource) {
        let live = try? source.live()
        if let live, live.header.settings.keepsRows, let backlog = Backlog.read(live, source) {
            Notice.say("note: \(words(backlog))")
        }
        // The answer is right without the reason, so what cannot be read now is left out.
        for reason in (try? reasons(filter, log, live?.header.settings)) ?? [] { Notice.say("note: no events: \(reason)") }
    }

    /// Reports what an answer that is not empty lacks all the same: rows, if the log is off; what waits in the rings of a server
    /// that died or cannot write its log, if the window reaches that far.
    static func qualify(_ filter: EventFilter, _ source: DataSource) {
        guard let live = try? source.live() else { return }
        guard live.header.settings.keepsRows else {
            return Notice.say("note: \(Settings.logIsOff): what it shows is from before")
        }
        guard let backlog = Backlog.read(live, source) else { return }
        let end = backlog.isOfDeadServer ? Int64(clamping: live.heartbeatNanoseconds / 1000) : .max
        let begin = backlog.isOfDeadServer ? end : backlog.oldestMicroseconds ?? .min
        guard filter.untilMicroseconds ?? .max > begin, filter.sinceMicroseconds ?? .min <= end else { return }
        Notice.say("note: \(words(backlog))")
    }

    private static func reasons(
        _ filter: EventFilter, _ log: EventLogReader, _ settings: Settings?
    ) throws(LogError) -> [String] {
        let isOff = settings?.keepsRows == false
        guard let extent = try log.extent() else {
            return [isOff ? LogOff.reason : "the log is empty"]
        }
        var reasons = isOff ? ["\(Settings.logIsOff), and holds events from before only"] : []
        let unknown = try log.unknownNames(filter)
        for kind in unknown {
            reasons.append(
                try log.holdsNames(of: kind)
                    ? "no such \(word(kind)) in the log"
                    : "the log holds no \(plural(kind)): \(whyNone(kind, settings?.identities))")
        }
        guard unknown.isEmpty else { return reasons }
        if let since = filter.sinceMicroseconds, since > extent.newest {
            return reasons + ["the newest event in the log is from \(time(extent.newest))"]
        }
        if let until = filter.untilMicroseconds, until <= extent.oldest {
            return reasons + ["the oldest event in the log is from \(time(extent.oldest))"]
        }
        return reasons + ["none matches; the log covers \(time(extent.oldest)) to \(time(extent.newest))"]
    }

    /// What is not in the log yet may be what is looked for.
    private static func words(_ backlog: Backlog) -> String {
        let events = Quantity.count(backlog.events, "event")
        let verb = backlog.events == 1 ? "is" : "are"
        if backlog.isOfDeadServer {
            return "\(events) of the server that died \(verb) not in the log yet: run qpc-metrics recover"
        }
        let since = backlog.oldestMicroseconds.map { ", the oldest from \(time($0))" } ?? ""
        return "\(events) \(verb) not in the log yet\(since): qpc-metrics status says why"
    }

    private static func time(_ microseconds: Int64) -> String {
        String(LocalTime.text(microseconds, zone: .local).prefix(19))
    }

    private static func whyNone(_ kind: NameKind, _ mode: IdentityMode?) -> String {
        if kind != .reason, mode == IdentityMode.none { return "the plugin runs with QPC_METRICS_PLUGIN_IDENTITIES=none" }
        return "none was recorded"
    }

    private static func word(_ kind: NameKind) -> String {
        switch kind {
        case .identity: "key or identity"
        case .channel: "channel"
        case .user: "user"
        case .reason: "reason"
        }
    }

    private static func plural(_ kind: NameKind) -> String {
        switch kind {
        case .identity: "identities"
        case .channel: "channels"
        case .user: "users"
        case .reason: "reasons"
        }
    }
}

import ArgumentParser
import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import TimeWords

/// Which events.
struct EventFilterOptions: ParsableArguments {
    @Option(
        name: .customLong("kind"),
        help: ArgumentHelp(
            "Only events of this kind; may be given several times: "
                + EventKind.allCases.map(\.name).joined(separator: ", ") + ".", valueName: "kind"),
        completion: .list(EventKind.allCases.map(\.name)))
    var kinds: [String] = []

    // A time, a number or a text may begin with a minus: what follows the option is its value, whatever it looks like.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.", valueName: "time"))
    var since: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Only events before this time.", valueName: "time"))
    var until: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only events of this user: a name, or the pseudonym of one.", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Only events in which this identity sends, receives, creates or registers: a key, or the pseudonym of one.",
            valueName: "hex"))
    var identity: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only events of this channel: its id, or the pseudonym of one.", valueName: "hex"))
    var channel: String?

    @Flag(help: "Only failed logins.")
    var failed = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Only logins whose reason holds this text.", valueName: "text"))
    var reason: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Only events after the one with this id.", valueName: "id"),
        transform: { try Self.number($0, "an event's id, as events prints it, would do") })
    var after: Int64?

    @Option(
        name: .customShort("n"), parsing: .unconditional,
        help: ArgumentHelp("Only the newest N of them.", valueName: "N"),
        transform: { Int(try Self.number($0, "a number of events, 0 or more, would do")) })
    var newest: Int?

    @Flag(name: .customShort("r"), help: "Newest first.")
    var reversed = false

    func filter(directory: String) throws -> EventFilter {
        var filter = EventFilter()
        for name in kinds {
            guard let kind = EventKind(name: name) else {
                let known = EventKind.allCases.map(\.name).joined(separator: ", ")
                throw Failure(Failure.usage, "--kind \(name) is not a kind of event; kinds are \(known)")
            }
            filter.kinds.append(kind)
        }
        filter.sinceMicroseconds = try since.map { try Self.time($0, option: "--since") }
        filter.untilMicroseconds = try until.map { try Self.time($0, option: "--until") }
        if let since = filter.sinceMicroseconds, let until = filter.untilMicroseconds, since >= until {
            throw Failure(
                Failure.usage,
                "--since \(self.since ?? "") is not before --until \(self.until ?? ""); no event can be in between")
        }
        let resolver = TermResolver(directory: directory)
        filter.user = user.map { resolver.user($0) }
        filter.identity = try identity.map { try Self.subject($0, "--identity", resolver) }
        filter.channel = try channel.map { try Self.subject($0, "--channel", resolver) }
        filter.failedOnly = failed
        filter.reason = reason
        filter.afterID = after
        if let newest, newest < 0 { throw Failure(Failure.usage, "-n \(newest) is not a number of events; 0 or more is") }
        filter.newest = newest
        filter.reversed = reversed
        return filter
    }

    /// A name that cannot be looked up is an error: an answer of nothing would read as "never seen".
    func expectLookups(directory: String, log: EventLogReader) throws {
        var named: [String] = []
        if let user, !TermResolver.isPseudonym(user) { named.append("--user \(user)") }
        for (option, text) in [("--identity", identity), ("--channel", channel)] {
            if let text, let bytes = Hexadecimal.decode(text), TermResolver.needKey(bytes) { named.append("\(option) \(text)") }
        }
        guard let first = named.first, let obstacle = TermResolver(directory: directory).obstacle(in: log) else { return }
        throw Failure(
            Failure.noPermission,
            "cannot look up \(first): \(obstacle); ask as the server's user or root, or give a pseudonym")
    }

    private static func number(_ text: String, _ help: String) throws -> Int64 {
        guard let number = Int64(text) else { throw ValidationError(help) }
        return number
    }

    static func time(
        _ text: String, option: String, now: Int64 = Environment.nowMicroseconds
    ) throws -> Int64 {
        do {
            return try TimeExpression.parse(text, now: now)
        } catch {
            throw Failure.invalid(text, option, error.description)
        }
    }

    private static func subject(
        _ text: String, _ option: String, _ resolver: TermResolver
    ) throws -> EventFilter.Term {
        guard let subject = resolver.bytes(text) else {
            throw Failure(
                Failure.usage,
                "\(option) \(text) is not hexadecimal; give the bytes as digits 0-9 and a-f, two for each byte")
        }
        return subject
    }
}

import ArgumentParser
import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import Terminal
import TimeWords

/// Which events to select.
struct EventFilterOptions: ParsableArguments {
    @Option(
        name: .customLong("kind"),
        help: ArgumentHelp("Only events of this kind; separate several with commas, or repeat the option.", valueName: "kind"))
    var kindLists: [KindList] = []

    // A time, a number or a text may begin with a minus, so whatever follows the option is its value.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.", valueName: "time"))
    var since: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Only events before this time.", valueName: "time"))
    var until: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Only what this user did: logins, registrations, and what the keys registered under the name did; a name, "
                + "a pseudonym, or its first 4 or more digits.",
            valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Only events in which this identity sends, receives, creates or registers: a key, a pseudonym, or the first 4 "
                + "or more digits.",
            valueName: "hex"))
    var identity: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Only events of this channel: an id, a pseudonym, or its first 4 or more digits.", valueName: "hex"))
    var channel: String?

    @Flag(help: "Only failed logins.")
    var failed = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only logins whose reason has these words, or words that begin with them.", valueName: "text"),
        completion: .custom { typed, _, _ in ReasonCompletion.words(typed) })
    var reason: String?

    @OptionGroup var narrowing: NarrowingOptions

    @OptionGroup var operatorKey: OperatorKeyOption

    @Option(parsing: .unconditional, help: ArgumentHelp("Only events after the one with this id.", valueName: "id"))
    var after: Int64?

    @Option(name: .customShort("n"), parsing: .unconditional, help: ArgumentHelp("Only the newest N events.", valueName: "N"))
    var newest: Int?

    @Flag(name: .customShort("r"), help: "Newest first.")
    var reversed = false

    var kinds: [EventKind] { kindLists.flatMap(\.kinds) }

    /// - Parameter now: what relative times are from: UTC, microseconds since 1970.
    func filter(directory: String, now: Int64 = Environment.nowMicroseconds) throws -> EventFilter {
        try FilterContradictions.check(self)
        var filter = EventFilter()
        filter.kinds = kinds
        filter.sinceMicroseconds = try since.map { try Self.time($0, option: "--since", now: now) }
        filter.untilMicroseconds = try until.map { try Self.time($0, option: "--until", now: now) }
        if let since = filter.sinceMicroseconds, let until = filter.untilMicroseconds, since >= until {
            throw Failure.invalid(
                self.since ?? "", for: "--since", "expected a time before --until, which is \(self.until ?? "")")
        }
        let resolver = try resolver(directory)
        filter.user = user.map { resolver.userOrPrefix($0) }
        filter.includesKeys = user != nil && !narrowing.loginOnly
        filter.identity = try identity.map { try Self.term($0, "--identity", resolver) }
        filter.channel = try channel.map { try Self.term($0, "--channel", resolver) }
        filter.sender = try narrowing.sender.map { try Self.term($0, "--sender", resolver) }
        filter.recipient = try narrowing.recipient.map { try Self.term($0, "--recipient", resolver) }
        filter.minBytes = try narrowing.minBytes.map { try FilterContradictions.minBytes($0) }
        filter.failureClass = narrowing.failureClass
        filter.okOnly = narrowing.ok
        filter.failedOnly = failed
        filter.reason = reason
        filter.afterID = after
        if let newest, newest < 0 { throw Failure.invalid("\(newest)", for: "-n", "expected 0 or more") }
        filter.newest = newest
        filter.reversed = reversed
        return filter
    }

    private func resolver(_ directory: String) throws -> TermResolver {
        TermResolver(directory: directory, opening: try operatorKey.secret(), asking: PluginPseudonyms.asking(directory))
    }

    /// A name that cannot be looked up is an error: an empty answer would read as "never seen".
    func expectLookups(directory: String, log: EventLogReader) throws {
        var named: [String] = []
        if let user, !TermResolver.isPseudonym(user), try !Self.begins(user, in: log) { named.append("--user \(user)") }
        let keys = [
            ("--identity", identity), ("--channel", channel), ("--sender", narrowing.sender),
            ("--recipient", narrowing.recipient),
        ]
        for (option, text) in keys {
            if let text, let bytes = Hexadecimal.decode(text), TermResolver.needKey(bytes) { named.append("\(option) \(text)") }
        }
        guard let first = named.first else { return }
        let resolver = try resolver(directory)
        guard let obstacle = resolver.obstacle(in: log) else { return resolver.saySealed() }
        let remedy = resolver.isSealed ? "or give a pseudonym" : "ask as the server's user or root, or give a pseudonym"
        throw Failure(Failure.noPermission, "cannot look up \(first): \(obstacle)\(resolver.isSealed ? ", " : "; ")\(remedy)")
    }

    /// Whether a user's pseudonym in the log begins with this, so that no name has to be looked up.
    private static func begins(_ user: String, in log: EventLogReader) throws -> Bool {
        guard TermResolver.isUserPrefix(user) else { return false }
        var filter = EventFilter()
        filter.user = EventFilter.Term(plain: nil, pseudonyms: [], prefix: TermResolver.prefix(user))
        return try queryingLog { () throws(LogError) in try log.unknownNames(filter) }.isEmpty
    }

    static func time(
        _ text: String, option: String, now: Int64 = Environment.nowMicroseconds
    ) throws -> Int64 {
        do {
            return try TimeExpression.parse(text, now: now)
        } catch {
            throw Failure.invalid(text, for: option, meant(text) ?? error.description)
        }
    }

    /// A suggestion for the first word of a time that resembles one that a time may have.
    private static func meant(_ text: String) -> String? {
        let known = [
            "now", "today", "yesterday", "tomorrow", "ago", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
            "sunday", "minutes", "hours", "days", "weeks", "months", "seconds",
        ]
        for word in text.split(whereSeparator: { !$0.isLetter }) where !known.contains(word.lowercased()) {
            if let near = Nearest.word(to: String(word), among: known) { return "did you mean '\(near)'?" }
        }
        return nil
    }

    static let expectedHexadecimal = "expected hexadecimal digits: all of them, or the first 4 or more"
    static let expectedWholeHexadecimal = "expected hexadecimal digits, two for each byte"

    private static func term(_ text: String, _ option: String, _ resolver: TermResolver) throws -> EventFilter.Term {
        guard let term = resolver.bytes(text) else { throw Failure.invalid(text, for: option, expectedHexadecimal) }
        return term
    }
}

extension TermResolver {
    /// An answer that leaves out what cannot be looked up must say so.
    func saySealed() { SealedNote.say(sealedEpochs) }
}

extension PseudonymSearch {
    func saySealed() { SealedNote.say(sealedEpochs) }
}

enum SealedNote {
    /// A command reads its options on one thread.
    nonisolated(unsafe) private static var isSaid = false

    /// Once.
    static func say(_ epochs: Int) {
        guard epochs > 0, !isSaid else { return }
        isSaid = true
        let what = Quantity.count(UInt64(epochs), "key epoch")
        Notice.say("note: names cannot be looked up in \(what), sealed to the operator's key: --operator-key opens them")
    }
}

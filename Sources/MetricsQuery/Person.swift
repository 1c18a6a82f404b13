import EventLog
import EventSearch
import MetricsModel
import Pseudonyms
import Readings

/// A person as the log knows them: all users and keys linked by registrations.
public struct Person: Sendable {
    /// As the log displays them: names, or pseudonyms in hexadecimal.
    public var users: [[UInt8]] = []
    /// Keys or pseudonyms, as bytes.
    public var identities: [[UInt8]] = []

    /// - Parameter user: a user to search for, or nil; likewise `identity`.
    /// - Returns: a person without users or identities if the log knows none.
    public static func find(
        _ log: EventLogReader, user: EventFilter.Term?, identity: EventFilter.Term?
    ) throws(LogError) -> Person {
        var person = Person()
        if let user { try person.addUsers(of: user, log) }
        if let identity { try person.addIdentities(of: identity, log) }
        var seen = (users: 0, identities: 0)
        while seen != (person.users.count, person.identities.count) {
            let before = (person.users.count, person.identities.count)
            for name in person.users[seen.users...] { try person.follow(user: Self.term(ofUser: name), identity: nil, log) }
            for key in person.identities[seen.identities...] {
                try person.follow(user: nil, identity: EventFilter.Term(plain: nil, pseudonyms: [key]), log)
            }
            seen = before
        }
        return person
    }

    /// The term that finds a user whom the log displays this way.
    public static func term(ofUser shown: [UInt8]) -> EventFilter.Term {
        let bytes = Hexadecimal.decode(String(decoding: shown, as: UTF8.self))
        let pseudonym = bytes.flatMap { $0.count == Pseudonym.byteCount ? $0 : nil }
        return EventFilter.Term(plain: shown, pseudonyms: pseudonym.map { [$0] } ?? [])
    }

    /// Finds a login or a registration for each form of the name.
    private mutating func addUsers(of term: EventFilter.Term, _ log: EventLogReader) throws(LogError) {
        var forms = term.pseudonyms.map { EventFilter.Term(plain: nil, pseudonyms: [$0]) }
        if let plain = term.plain { forms.append(EventFilter.Term(plain: plain, pseudonyms: [])) }
        for form in forms {
            var filter = EventFilter()
            filter.user = form
            filter.newest = 1
            try Self.read(filter, log) { event in
                if let user = Self.value(.user, of: event), !users.contains(user) { users.append(user) }
            }
        }
    }

    private mutating func addIdentities(of term: EventFilter.Term, _ log: EventLogReader) throws(LogError) {
        for form in term.pseudonyms + (term.plain.map { [$0] } ?? []) {
            var filter = EventFilter()
            filter.identity = EventFilter.Term(plain: nil, pseudonyms: [form])
            if try log.count(filter) > 0, !identities.contains(form) { identities.append(form) }
        }
    }

    private mutating func follow(
        user: EventFilter.Term?, identity: EventFilter.Term?, _ log: EventLogReader
    ) throws(LogError) {
        var filter = EventFilter()
        filter.kinds = [.userRegistered]
        filter.user = user
        filter.identity = identity
        try Self.read(filter, log) { event in
            if let user = Self.value(.user, of: event), !users.contains(user) { users.append(user) }
            if let shown = Self.value(.identity, of: event),
                let key = Hexadecimal.decode(String(decoding: shown, as: UTF8.self)), !identities.contains(key)
            {
                identities.append(key)
            }
        }
    }

    private static func read(
        _ filter: EventFilter, _ log: EventLogReader, _ body: (LoggedEvent) -> Void
    ) throws(LogError) {
        var events = try log.events(filter)
        while let event = try events.next() { body(event) }
    }

    private static func value(_ field: EventField, of event: LoggedEvent) -> [UInt8]? {
        for (index, own) in event.kind.fields.enumerated() where own == field {
            if case .text(let text) = event.values[index] { return text.utf8 }
        }
        return nil
    }
}

import TestSupport

extension EventConditions {
    /// What `events` should print, found among all events in the simplest way.
    func applied(to events: [LoggedEvent]) -> [LoggedEvent] {
        let registered = events.filter { $0.kind == "user_registered" && $0["user"]?.text == user }
        let keys = Set(loginOnly || user == nil ? [] : registered.compactMap { $0["identity"]?.text })
        var found = events.filter { matches($0, keysOfUser: keys) }
        if let newest { found = found.suffix(newest) }
        return reversed ? found.reversed() : found
    }

    private func matches(_ event: LoggedEvent, keysOfUser keys: Set<String>) -> Bool {
        let people = (Self.identityFields[event.kind] ?? []).compactMap { event[$0]?.text }
        if !kinds.isEmpty, !kinds.contains(event.kind) { return false }
        if let since, event.moment < since { return false }
        if let until, event.moment >= until { return false }
        if let user {
            let isLogin = event.kind == "auth" || event.kind == "user_registered"
            guard isLogin ? event["user"]?.text == user : people.contains(where: keys.contains) else { return false }
        }
        if let identity, !people.contains(identity) { return false }
        if let channel, event["channel"]?.text != channel { return false }
        if let sender, event["sender"]?.text != sender { return false }
        if let recipient, event["recipient"]?.text != recipient { return false }
        if let minBytes {
            guard let bytes = event["bytes"]?.number, bytes >= UInt64(minBytes) else { return false }
        }
        if failed, event["ok"]?.flag != false { return false }
        if ok, event["ok"]?.flag != true { return false }
        if let reason {
            guard let text = event["reason"]?.text else { return false }
            // Each word asked for must begin some word of the reason.
            let words = Self.words(text)
            guard Self.words(reason).allSatisfy({ asked in words.contains { $0.hasPrefix(asked) } }) else { return false }
        }
        if let after, event.id <= after { return false }
        return true
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
    }
}

/// The events of a fixture, from which all random conditions are made.
struct FixtureValues: ConditionValues {
    let events: [LoggedEvent]

    private func some(_ fields: [String], _ generator: inout SeededGenerator) -> String? {
        events.compactMap { event in fields.lazy.compactMap { event[$0]?.text }.first }.randomElement(using: &generator)
    }

    func moment(_ generator: inout SeededGenerator) -> Int64? { events.randomElement(using: &generator)?.moment }
    func user(_ generator: inout SeededGenerator) -> String? { some(["user"], &generator) }
    func key(_ field: String?, _ generator: inout SeededGenerator) -> String? {
        let fields = ["sender", "recipient", "peer", "initiator", "identity"]
        return some([field ?? fields.randomElement(using: &generator)!], &generator)
    }
    func channel(_ generator: inout SeededGenerator) -> String? { some(["channel"], &generator) }
    func id(_ generator: inout SeededGenerator) -> Int64? {
        events.randomElement(using: &generator).map { Int64(bitPattern: UInt64($0.id)) }
    }
    let reasonWords = ["cred", "locked", "密码", "\"no\"", "0", "пароль"]
    /// These events do not say which class a reason belongs to.
    let classes: [String] = []
}

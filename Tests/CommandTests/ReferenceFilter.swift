import TestSupport

/// What `events` should print, found in all events in the plainest way.
struct ReferenceFilter {
    var kinds: [String] = []
    var since: Int64?
    var until: Int64?
    var user: String?
    var identity: String?
    var channel: String?
    var failed = false
    var reason: String?
    var after: UInt64?
    var newest: Int?
    var reversed = false

    func applied(to events: [LoggedEvent]) -> [LoggedEvent] {
        var found = events.filter(matches)
        if let newest { found = found.suffix(newest) }
        return reversed ? found.reversed() : found
    }

    private func matches(_ event: LoggedEvent) -> Bool {
        func has(_ fields: [String], _ wanted: String) -> Bool { fields.contains { event[$0]?.text == wanted } }
        if !kinds.isEmpty, !kinds.contains(event.kind) { return false }
        if let since, event.moment < since { return false }
        if let until, event.moment >= until { return false }
        if let user, !has(["user"], user) { return false }
        if let identity, !has(["sender", "recipient", "initiator", "peer", "identity"], identity) { return false }
        if let channel, !has(["channel"], channel) { return false }
        if failed, event["ok"]?.flag != false { return false }
        if let reason {
            guard let text = event["reason"]?.text else { return false }
            // Every word that was asked for begins a word of the reason.
            let words = Self.words(text)
            guard Self.words(reason).allSatisfy({ asked in words.contains { $0.hasPrefix(asked) } }) else { return false }
        }
        if let after, event.id <= after { return false }
        return true
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
    }

    /// Whether no event can meet all of it, which the command refuses to be asked.
    var isContradictory: Bool {
        var asked = kinds.isEmpty ? [] : [kinds]
        if failed || reason != nil { asked.append(["auth"]) }
        if identity != nil { asked.append(eventKinds.filter { $0 != "auth" }) }
        if channel != nil { asked.append(["message_enqueue", "batch_enqueue", "channel_created", "fetch"]) }
        return asked.contains { one in asked.contains { !$0.contains(where: one.contains) } }
    }

    /// The same in the command's words.
    var arguments: [String] {
        var words = kinds.flatMap { ["--kind", $0] }
        if let since { words += ["--since", Self.time(since)] }
        if let until { words += ["--until", Self.time(until)] }
        if let user { words += (user.hasPrefix("-") ? ["--user=\(user)"] : ["--user", user]) + ["--login-only"] }
        if let identity { words += ["--identity", identity] }
        if let channel { words += ["--channel", channel] }
        if failed { words += ["--failed"] }
        if let reason { words += ["--reason", reason] }
        if let after { words += ["--after", "\(after)"] }
        if let newest { words += ["-n", "\(newest)"] }
        if reversed { words += ["-r"] }
        return words
    }

    private static func time(_ microseconds: Int64) -> String {
        let fraction = String(1_000_000 + microseconds % 1_000_000).dropFirst()
        return "@\(microseconds / 1_000_000).\(fraction)"
    }

    /// Some of everything, from values that are there.
    static func random(from events: [LoggedEvent], _ generator: inout SeededGenerator) -> ReferenceFilter {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        func some(_ fields: [String]) -> String? {
            let found = events.compactMap { event in fields.lazy.compactMap { event[$0]?.text }.first }
            return found.randomElement(using: &generator)
        }
        var filter = ReferenceFilter()
        if chance(40) { filter.kinds = eventKinds.filter { _ in chance(35) } }
        let moments = events.map(\.moment)
        if chance(30) { filter.since = moments.randomElement(using: &generator) }
        if chance(30) { filter.until = moments.randomElement(using: &generator) }
        if let since = filter.since, let until = filter.until, since >= until { filter.until = since + 1 }
        if chance(15) { filter.user = some(["user"]) }
        let role = ["sender", "recipient", "peer", "initiator", "identity"].randomElement(using: &generator)!
        if chance(20) { filter.identity = some([role]) }
        if chance(20) { filter.channel = some(["channel"]) }
        if chance(15) { filter.failed = true }
        let words = ["cred", "locked", "密码", "\"no\"", "0", "пароль"]
        if chance(15) { filter.reason = words.randomElement(using: &generator) }
        if chance(20) { filter.after = events.map(\.id).randomElement(using: &generator) }
        if chance(30) { filter.newest = [0, 1, 2, 7, 50, 100_000].randomElement(using: &generator) }
        filter.reversed = chance(30)
        return filter
    }
}

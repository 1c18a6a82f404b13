import EventSearch
import MetricsModel
import Readings
import TimeWords

/// Conditions that no event can meet at once: an empty answer would read as "it never happened".
enum FilterContradictions {
    /// An option, and the kinds of events that can meet it.
    struct Condition {
        var option: String
        var kinds: [EventKind]
    }

    static func check(_ options: EventFilterOptions) throws {
        let narrowing = options.narrowing
        if narrowing.loginOnly && options.user == nil {
            throw Failure(Failure.usage, "--login-only needs --user NAME: it leaves out what the user's keys did")
        }
        if options.failed && narrowing.ok { throw refusal("--failed", "--ok", "a login fails or succeeds") }
        if let failureClass = narrowing.failureClass, narrowing.ok {
            throw refusal("--class \(failureClass.name)", "--ok", "only a failed login has a class")
        }
        if let reason = options.reason, ReasonWords(reason).isEmpty {
            throw Failure.invalid(reason, for: "--reason", "expected words, or the beginnings of words")
        }
        try check(conditions(options))
    }

    /// Throws for the first two conditions that no kind of event can both meet.
    static func check(_ conditions: [Condition]) throws {
        for (index, one) in conditions.enumerated() {
            for other in conditions[..<index] where !one.kinds.contains(where: other.kinds.contains) {
                throw refusal(other.option, one.option, "\(one.option) is about \(Self.list(one.kinds))")
            }
        }
    }

    static func conditions(_ options: EventFilterOptions) -> [Condition] {
        let narrowing = options.narrowing
        func with(_ field: EventField) -> [EventKind] { EventKind.allCases.filter { $0.fields.contains(field) } }
        func naming(_ names: NameKind) -> [EventKind] { EventKind.allCases.filter { !$0.columns(naming: names).isEmpty } }
        var conditions: [Condition] = []
        func add(_ isGiven: Bool, _ option: String, _ kinds: [EventKind]) {
            if isGiven { conditions.append(Condition(option: option, kinds: kinds)) }
        }
        add(!options.kinds.isEmpty, "--kind " + options.kinds.map(\.name).joined(separator: ","), options.kinds)
        add(options.identity != nil, "--identity", naming(.identity))
        add(options.channel != nil, "--channel", naming(.channel))
        add(options.failed, "--failed", [.auth])
        add(narrowing.ok, "--ok", [.auth])
        add(options.reason != nil, "--reason", [.auth])
        add(narrowing.failureClass != nil, "--class", [.auth])
        add(narrowing.sender != nil, "--sender", with(.sender))
        add(narrowing.recipient != nil, "--recipient", with(.recipient))
        add(narrowing.minBytes != nil, "--min-bytes", with(.bytes))
        return conditions
    }

    private static func refusal(_ one: String, _ other: String, _ reason: String) -> Failure {
        Failure(Failure.usage, "\(one) cannot be used with \(other): \(reason)")
    }

    static func list(_ kinds: [EventKind]) -> String {
        let names = kinds.map(\.name)
        guard let last = names.last, names.count > 1 else { return names.first ?? "no kind of event" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }

    static func minBytes(_ text: String) throws -> Int64 {
        do {
            return Int64(clamping: try SizeExpression.parse(text))
        } catch {
            throw Failure.invalid(text, for: "--min-bytes", error.description)
        }
    }
}

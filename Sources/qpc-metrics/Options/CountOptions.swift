import ArgumentParser
import MetricsModel
import Readings
import TimeWords

extension CountNumber: ExpressibleByArgument {}
extension CountDistinct: ExpressibleByArgument {}

/// How events are grouped, and what is shown for each group.
struct CountOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What to group by, one or two of: \(fieldNames.joined(separator: ", ")). Without it, all events are one group.",
            valueName: "field[,field]"),
        completion: .list(fieldNames))
    var by: String?

    @Option(help: ArgumentHelp("Add up the bytes of messages, or the messages handed out by fetches.", valueName: "number"))
    var sum: CountNumber?

    @Option(help: ArgumentHelp("Show the largest value in each group.", valueName: "number"))
    var max: CountNumber?

    @Option(help: ArgumentHelp("Count the distinct values in each group.", valueName: "name"))
    var distinct: CountDistinct?

    @Flag(help: "Show when the first event of each group happened.")
    var first = false

    @Flag(help: "Show when the last event of each group happened.")
    var last = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only the first N groups, in the order of --sort.", valueName: "N"))
    var top: Int?

    @Option(
        help: ArgumentHelp(
            "What to sort by: a field of --by, smallest first, or largest first one of \(measureNames.joined(separator: ", ")). "
                + "By default, groups are sorted by the time in --by, otherwise by sum, max, distinct or events. -r "
                + "reverses the order.",
            valueName: "key"),
        completion: .list(measureNames + fieldNames))
    var sort: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Only groups that satisfy this, such as 'failed>=10' or 'events<3'; can be repeated. failed_before_ok are the "
                + "failed logins before the last successful one.",
            valueName: "condition"))
    var having: [String] = []

    @Option(
        help: ArgumentHelp(
            "Show next to each group the events of the same hours this much earlier, such as 1d or 7d.", valueName: "age")
    )
    var beside: String?

    @Flag(help: "Count events that were dropped; --by takes kind, cause and times.")
    var dropped = false

    @Flag(
        help: ArgumentHelp(
            "Count the messages waiting to be fetched, and since when: in total, or --by recipient."))
    var waiting = false

    static let fieldNames = CountField.allCases.filter { $0 != .cause }.map(\.rawValue)
    static let measureNames = sortable.map(\.rawValue)
    private static let sortable: [CountMeasure] = [
        .events, .sum, .max, .distinct, .first, .last, .failed, .ok, .failedBeforeOK,
    ]

    // MARK: The query

    func question(_ filter: EventFilterOptions) throws -> CountQuestion {
        var question = CountQuestion()
        question.fields = try fields()
        (question.sum, question.max, question.distinct) = (sum, max, distinct)
        var measures: [CountMeasure] = [.events]
        func add(_ isGiven: Bool, _ measure: CountMeasure) {
            if isGiven && !measures.contains(measure) { measures.append(measure) }
        }
        if let beside {
            question.besideMicroseconds = try age(beside)
            guard filter.since != nil else {
                throw Failure(Failure.usage, "--beside needs --since: it shows the same hours, \(beside) earlier")
            }
            for (isGiven, option) in [(filter.after != nil, "--after"), (filter.newest != nil, "-n")] where isGiven {
                throw Failure(Failure.usage, "\(option) cannot be used with --beside: the earlier events have other ids")
            }
        }
        add(beside != nil, .earlierEvents)
        add(sum != nil, .sum)
        add(beside != nil && sum != nil, .earlierSum)
        add(max != nil, .max)
        add(distinct != nil, .distinct)
        add(first, .first)
        add(last, .last)
        question.conditions = try having.map { try condition($0) }
        for condition in question.conditions { add(true, condition.measure) }
        question.order = try order(question.fields)
        if case .measure(let measure) = question.order { add(true, measure) }
        question.measures = measures
        question.isReversed = filter.reversed
        if let top, top < 1 { throw Failure.invalid("\(top)", for: "--top", "expected 1 or more") }
        question.top = top
        try checkKinds(question, filter)
        return question
    }

    private func fields() throws -> [CountField] {
        guard let by else { return [] }
        let known = dropped ? CountField.allCases.filter { $0.isTime || $0 == .kind || $0 == .cause } : Self.known
        var fields: [CountField] = []
        for name in by.split(separator: ",", omittingEmptySubsequences: false) {
            let word = name.trimmingPrefix { $0 == " " }
            guard let field = known.first(where: { $0.rawValue == word }) else {
                let names = known.map(\.rawValue).joined(separator: ", ")
                let near = Nearest.word(to: String(word), among: known.map(\.rawValue))
                let meant = near.map { "; did you mean '\($0)'?" } ?? ""
                throw Failure.invalid(by, for: "--by", "expected one or two of \(names)\(meant)")
            }
            guard !fields.contains(field) else { throw Failure.invalid(by, for: "--by", "expected two different fields") }
            fields.append(field)
        }
        guard fields.count <= 2 else { throw Failure.invalid(by, for: "--by", "expected at most two fields") }
        return fields
    }

    private static let known = CountField.allCases.filter { $0 != .cause }

    /// The query for `--waiting`.
    func waitingQuestion(_ filter: EventFilterOptions) throws -> CountQuestion {
        try checkWaiting(filter)
        var question = CountQuestion()
        question.isAboutWaiting = true
        if by != nil { question.fields = [.recipient] }
        question.measures = [.events, .first]
        switch sort {
        case nil, "waiting_since":
            question.order = .measure(.first)
            // The recipient that has waited longest comes first.
            question.isReversed = !filter.reversed
        case "messages", "events":
            question.order = .measure(.events)
            question.isReversed = filter.reversed
        case .some(let key): throw Failure.invalid(key, for: "--sort", "expected waiting_since or messages with --waiting")
        }
        if let top, top < 1 { throw Failure.invalid("\(top)", for: "--top", "expected 1 or more") }
        question.top = top
        return question
    }

    private func age(_ text: String) throws -> Int64 {
        do {
            let age = try DurationExpression.parse(text)
            guard age >= 60_000_000, age % 60_000_000 == 0 else {
                throw Failure.invalid(text, for: "--beside", "expected whole minutes, hours or days, such as 7d")
            }
            return age
        } catch let error as ExpressionError {
            throw Failure.invalid(text, for: "--beside", error.description)
        }
    }

    private func measure(_ name: some StringProtocol) -> CountMeasure? {
        // "count" is also a name for the number of events, unless another count is summed.
        if name == "count" { return sum == .count ? .sum : .events }
        if name == "bytes" && sum == .bytes { return .sum }
        return Self.sortable.first { $0.rawValue == name }
    }

    private func order(_ fields: [CountField]) throws -> CountQuestion.Order {
        guard let sort else {
            if let field = fields.first, field.isTime { return .field(field) }
            if sum != nil { return .measure(.sum) }
            if max != nil { return .measure(.max) }
            return .measure(distinct != nil ? .distinct : .events)
        }
        if let field = fields.first(where: { $0.rawValue == sort }) { return .field(field) }
        guard let measure = measure(sort) else {
            let names = (fields.map(\.rawValue) + Self.measureNames).joined(separator: ", ")
            let near = Nearest.word(to: sort, among: fields.map(\.rawValue) + Self.measureNames)
            let meant = near.map { "; did you mean '\($0)'?" } ?? ""
            throw Failure.invalid(sort, for: "--sort", "expected one of \(names)\(meant)")
        }
        try checkIsAsked(measure, "--sort \(sort)")
        return .measure(measure)
    }

    private func condition(_ text: String) throws -> CountCondition {
        let expected = "expected a comparison such as 'failed>=10', of one of \(Self.conditional.joined(separator: ", "))"
        let name = text.prefix { $0.isLetter || $0 == "_" }
        var rest = text.dropFirst(name.count).drop { $0 == " " }
        if measure(name) == nil, let near = Nearest.word(to: String(name), among: Self.conditional) {
            throw Failure.invalid(text, for: "--having", "\(expected); did you mean '\(near)'?")
        }
        guard let measure = measure(name), !measure.isTime,
            let comparison = CountCondition.Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) })
        else { throw Failure.invalid(text, for: "--having", expected) }
        rest = rest.dropFirst(comparison.rawValue.count)
        if rest.first == "=" && comparison == .equals { rest = rest.dropFirst() }
        let number = String(rest.drop { $0 == " " })
        var bound = UInt64(number)
        if bound == nil, let size = try? SizeExpression.parse(number) { bound = size }
        guard let bound else { throw Failure.invalid(text, for: "--having", expected) }
        try checkIsAsked(measure, "--having '\(text)'")
        return CountCondition(measure: measure, comparison: comparison, bound: bound)
    }

    private static let conditional = sortable.filter { !$0.isTime }.map(\.rawValue)

    /// A condition or order needs the option that computes its value.
    private func checkIsAsked(_ measure: CountMeasure, _ option: String) throws {
        let needs: (isMissing: Bool, option: String) =
            switch measure {
            case .sum: (sum == nil, "--sum bytes or --sum count")
            case .max: (max == nil, "--max bytes or --max count")
            case .distinct: (distinct == nil, "--distinct user, identity or channel")
            default: (false, "")
            }
        if needs.isMissing { throw Failure(Failure.usage, "\(option) needs \(needs.option)") }
    }

    // MARK: Contradictions

    private func checkWaiting(_ filter: EventFilterOptions) throws {
        if let by, by != "recipient" {
            throw Failure.invalid(by, for: "--by", "expected recipient with --waiting")
        }
        let narrowing = filter.narrowing
        let others: [(Bool, String)] = [
            (filter.user != nil, "--user"), (filter.channel != nil, "--channel"), (!filter.kinds.isEmpty, "--kind"),
            (filter.since != nil, "--since"), (filter.until != nil, "--until"), (narrowing.sender != nil, "--sender"),
            (filter.failed, "--failed"), (narrowing.ok, "--ok"), (narrowing.failureClass != nil, "--class"),
            (filter.reason != nil, "--reason"), (narrowing.minBytes != nil, "--min-bytes"), (filter.after != nil, "--after"),
            (filter.newest != nil, "-n"), (sum != nil, "--sum"), (max != nil, "--max"), (distinct != nil, "--distinct"),
            (first, "--first"), (last, "--last"), (beside != nil, "--beside"), (dropped, "--dropped"),
            (!having.isEmpty, "--having"),
        ]
        for (isGiven, option) in others where isGiven {
            throw Failure(
                Failure.usage, "\(option) cannot be used with --waiting: only a recipient's messages and time are known")
        }
    }

    /// At least one kind of event must have everything that is asked for.
    private func checkKinds(_ question: CountQuestion, _ filter: EventFilterOptions) throws {
        guard !dropped else { return try checkDropped(filter) }
        var conditions = FilterContradictions.conditions(filter)
        func add(_ option: String, _ fits: (EventKind) -> Bool) {
            conditions.append(.init(option: option, kinds: EventKind.allCases.filter(fits)))
        }
        for field in question.fields { add("--by \(field.rawValue)", field.fits) }
        for (option, number) in [("--sum", sum), ("--max", max)] {
            if let number { add("\(option) \(number.rawValue)") { $0.fields.contains(number.field) } }
        }
        if let distinct { add("--distinct \(distinct.rawValue)", distinct.field.fits) }
        for measure in question.measures where measure.isAboutLogins { add(measure.rawValue) { $0 == .auth } }
        try FilterContradictions.check(conditions)
        if filter.narrowing.ok && question.fields.contains(.failureClass) {
            throw Failure(Failure.usage, "--by class cannot be used with --ok: only a failed login has a class")
        }
    }

    /// For a drop, the log knows only kind, cause and minute.
    private func checkDropped(_ filter: EventFilterOptions) throws {
        let narrowing = filter.narrowing
        let others: [(Bool, String)] = [
            (filter.user != nil, "--user"), (filter.identity != nil, "--identity"), (filter.channel != nil, "--channel"),
            (narrowing.sender != nil, "--sender"), (narrowing.recipient != nil, "--recipient"), (filter.failed, "--failed"),
            (narrowing.ok, "--ok"), (narrowing.failureClass != nil, "--class"), (filter.reason != nil, "--reason"),
            (narrowing.minBytes != nil, "--min-bytes"), (filter.after != nil, "--after"), (filter.newest != nil, "-n"),
            (sum != nil, "--sum"), (max != nil, "--max"), (distinct != nil, "--distinct"), (first, "--first"),
            (last, "--last"), (beside != nil, "--beside"),
        ]
        for (isGiven, option) in others where isGiven {
            throw Failure(
                Failure.usage, "\(option) cannot be used with --dropped: only kind, cause and minute of a dropped event are known"
            )
        }
    }
}

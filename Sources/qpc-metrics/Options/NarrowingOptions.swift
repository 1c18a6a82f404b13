import ArgumentParser
import MetricsModel

/// Conditions on single fields of an event: a part of `EventFilterOptions`.
struct NarrowingOptions: ParsableArguments {
    @Flag(help: "With --user: only logins and registrations, not what the user's keys did.")
    var loginOnly = false

    @Flag(help: "Only successful logins.")
    var ok = false

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("Only failed logins of this class, as in qpc_auth_failures_total.", valueName: "class"))
    var failureClass: FailureClass?

    @Option(
        help: ArgumentHelp("Only messages that this identity sent: a key, a pseudonym, or its first digits.", valueName: "hex"))
    var sender: String?

    @Option(
        help: ArgumentHelp(
            "Only messages to this identity, and its fetches: a key, a pseudonym, or its first digits.", valueName: "hex"))
    var recipient: String?

    @Option(help: ArgumentHelp("Only messages of at least this size, such as 1MiB or 4096.", valueName: "size"))
    var minBytes: String?
}

extension FailureClass: ExpressibleByArgument {
    public init?(argument: String) {
        guard let named = Self.allCases.first(where: { $0.name == argument.lowercased() }) else { return nil }
        self = named
    }

    public static var allValueStrings: [String] { allCases.map(\.name) }
    public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

import ArgumentParser
import MetricsModel

/// Kinds of events as typed: `auth`, `AUTH`, `auth,fetch`.
struct KindList: ExpressibleByArgument {
    var kinds: [EventKind]

    init?(argument: String) {
        kinds = []
        for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let kind = EventKind(name: word.lowercased()) else { return nil }
            kinds.append(kind)
        }
    }

    static var allValueStrings: [String] { EventKind.allCases.map(\.name) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

import Foundation

/// `qpc-metrics`, run on one data directory.
public struct CommandLineTool: Sendable {
    public let directory: String
    public var user: User?

    public init(_ directory: String, user: User? = nil) {
        self.directory = directory
        self.user = user
    }

    /// Runs it, whatever the outcome.
    public func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
        try run(arguments, environment: environment)
    }

    public func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        var variables = environment
        variables["QPC_METRICS_PLUGIN_DIR"] = directory
        return try TestSupport.run(
            [BuiltProducts.commandLine] + arguments, environment: variables, user: user)
    }

    /// Runs it; throws if it fails or reports anything other than that events were dropped.
    public func succeed(_ arguments: String...) throws -> Outcome { try succeed(arguments) }

    public func succeed(_ arguments: [String]) throws -> Outcome {
        let outcome = try run(arguments)
        guard outcome.status == 0, outcome.errorLines.allSatisfy({ $0.hasPrefix("qpc-metrics: note: ") }) else {
            throw TestFailure(
                "qpc-metrics \(arguments.joined(separator: " ")): status \(outcome.status), \(outcome.errors)\(outcome.text)")
        }
        return outcome
    }

    public func events(_ arguments: String...) throws -> [LoggedEvent] { try events(arguments) }

    public func events(_ arguments: [String]) throws -> [LoggedEvent] {
        try NDJSON.decode(succeed(["events", "-o", "ndjson"] + arguments).output)
    }

    public func count(_ arguments: String...) throws -> UInt64 {
        let text = try succeed(["events", "-c"] + arguments).text
        guard text.hasSuffix("\n"), let count = UInt64(text.dropLast()) else { throw TestFailure("no count: \(text)") }
        return count
    }

    /// Rows in the log by kind.
    public func rows() throws -> [UInt64] { try eventKinds.map { try count("--kind", $0) } }

    public func exposition() throws -> Exposition { try Exposition(succeed("prometheus").text) }

    /// Counts of people, as `status` knows them: metrics give none below 5.
    public func people() throws -> People {
        try JSONDecoder().decode(People.self, from: Data(run("status", "-o", "json").output))
    }

    public struct People: Decodable {
        public var active: [String: UInt64]
        /// Nil where the log cannot know.
        public var failing: [String: UInt64]?
        public var waiting: UInt64

        private enum CodingKeys: String, CodingKey {
            case active = "active_users"
            case failing = "failing_users"
            case waiting = "recipients_waiting"
        }
    }

    /// The ledger, one line of numbers per kind; throws unless `verify` finds everything in order.
    @discardableResult public func verify() throws -> Ledger { try Ledger(succeed("verify").text) }
}

/// What `verify` printed.
public struct Ledger: Sendable {
    public struct Line: Sendable {
        public var recorded, inLog, pending, dropped, removed: UInt64
        public var difference: Int64
    }

    public let lines: [Line]
    public let text: String

    public init(_ text: String) throws {
        self.text = text
        lines = try eventKinds.map { kind in
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(kind + " ") }) else {
                throw TestFailure("no line of \(kind) in \(text)")
            }
            let words = line.replacing(",", with: "").split(separator: " ").dropFirst()
            let numbers = words.dropLast().compactMap { UInt64($0) }
            guard numbers.count == 5, let difference = words.last.flatMap({ Int64($0) }) else {
                throw TestFailure("not a line of the ledger: \(line)")
            }
            return Line(
                recorded: numbers[0], inLog: numbers[1], pending: numbers[2], dropped: numbers[3],
                removed: numbers[4], difference: difference)
        }
    }
}

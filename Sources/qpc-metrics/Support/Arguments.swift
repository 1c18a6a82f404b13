import ArgumentParser
import EventOutput
import Exporter
import MetricsModel
import Readings
import Terminal

extension ColorChoice: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {
    public init?(argument: String) {
        let name = argument.lowercased()
        // Its other common name.
        self.init(rawValue: name == "jsonl" ? "ndjson" : name)
    }
}
extension TimeUnit: ExpressibleByArgument {}
extension ExporterLog.Level: ExpressibleByArgument {}
extension ExporterLog.Format: ExpressibleByArgument {}

extension Failure {
    /// - Parameter expected: what is accepted, preceded by the reason, if any.
    static func invalid(_ value: String, for option: String, _ expected: String) -> Failure {
        let (value, expected) = (VisibleText.escaped(value, limit: 60), VisibleText.escaped(expected))
        return Failure(usage, "invalid value '\(value)' for \(option): \(expected)")
    }

    /// What people call a kind of event, and its name.
    private static let otherWords = [
        "login": "auth", "logins": "auth", "message": "message_enqueue", "messages": "message_enqueue", "batch": "batch_enqueue",
        "register": "user_registered", "registration": "user_registered", "registrations": "user_registered",
        "channel": "channel_created", "channels": "channel_created", "fetches": "fetch",
    ]

    /// The parser's message on one line; its complaint about a value, `The value 'x' is invalid for '--y <z>'. Please provide one
    /// of 'a' or 'b'.`, in this program's form.
    init(parser message: String, code: Int32, command: String) {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let (start, middle) = ("The value '", "' is invalid for '")
        guard line.hasPrefix(start), let split = line.ranges(of: middle).last else {
            let sentence = line.hasSuffix(".") ? String(line.dropLast()) : line
            self.init(code, sentence + "; see qpc-metrics \(command) --help")
            return
        }
        let value = String(line[..<split.lowerBound].dropFirst(start.count))
        let option = String(line[split.upperBound...].prefix { $0 != " " && $0 != "'" })
        guard let list = line[split.upperBound...].firstRange(of: "Please provide one of ") else {
            self = .invalid(value, for: option, "expected a whole number")
            return
        }
        // One of 'a', 'b' or 'c', or a long list after "the following:".
        let words = line[list.upperBound...].split { !($0.isLetter || $0 == "_") }
        let choices = words.filter { !["the", "following", "and", "or"].contains($0) }
        let last = choices.last.map { choices.count > 1 ? " or \($0)" : "\($0)" } ?? ""
        let near = Nearest.word(to: value, among: choices.map(String.init)) ?? Self.otherWords[value.lowercased()]
        let meant = near.flatMap { choices.contains(Substring($0)) ? "; did you mean '\($0)'?" : nil } ?? ""
        self = .invalid(value, for: option, "expected " + choices.dropLast().joined(separator: ", ") + last + meant)
    }
}

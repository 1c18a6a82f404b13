import ArgumentParser
import EventDrain
import Glibc
import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// How commands that remove events ask before they do, and what they print afterwards.
struct RemovalOptions: ParsableArguments {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    @Flag(name: .customLong("dry-run"), help: "Show what would be removed, and remove nothing.")
    var isDryRun = false

    @Flag(
        name: [.customShort("y"), .customLong("yes")],
        help: "Do not ask for confirmation; without a terminal, none is asked for anyway.")
    var isConfirmed = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the receipt.", valueName: "format"))
    var output: Format = .text

    /// Shows what will be removed, and asks for confirmation if somebody is there to answer.
    ///
    /// - Parameter command: `prune` or `forget`.
    /// - Parameter preview: nil if it cannot be known beforehand.
    /// - Returns: false if nothing should be removed after all.
    func goesOn(_ command: String, _ preview: RemovalPreview?, directory: String) throws -> Bool {
        let asks = !isConfirmed && isatty(STDIN_FILENO) == 1 && StandardError.isTerminal
        let text = preview.map { RemovalText.preview($0, command) } ?? "cannot tell in advance what \(command) would remove\n"
        if isDryRun {
            switch output {
            case .text: try StandardOutput.write(text)
            case .json:
                try StandardOutput.write(
                    RemovalText.json(command, preview: preview ?? RemovalPreview(), directory: directory).line)
            }
            return false
        }
        if asks || StandardError.isTerminal { StandardError.write(text) }
        guard asks, preview?.events != 0 else { return true }
        StandardError.write("Remove \(preview?.events == 1 ? "it" : "them")? [y/N] ")
        let answer = readLine()?.lowercased() ?? ""
        if answer == "y" || answer == "yes" { return true }
        throw Failure(Failure.somethingWrong, "nothing was removed")
    }
}

/// What a removal will do and what it did, for people and for programs.
enum RemovalText {
    /// - Parameter command: `prune` or `forget`.
    static func preview(_ preview: RemovalPreview, _ command: String) -> String {
        guard let oldest = preview.oldest, let newest = preview.newest else {
            return "\(command): none of the \(Quantity.count(preview.all, "event")) in the log would be removed\n"
        }
        let about = preview.isEstimate ? "about " : ""
        var text = "\(command) will remove \(about)\(Quantity.grouped(preview.events)) of \(Quantity.count(preview.all, "event"))"
        if preview.users + preview.identities > 0 {
            text += ", under " + names(UInt64(preview.users), UInt64(preview.identities))
        }
        text += ":\n"
        for kind in EventKind.allCases where preview.removed[kind.index] > 0 {
            text +=
                "  \(kind.name)" + String(repeating: " ", count: 18 - kind.name.utf8.count)
                + "\(Quantity.grouped(preview.removed[kind.index]))\n"
        }
        let times = [oldest, newest].map { LocalTime.text($0, zone: .local).prefix(19) }
        return text + "  from \(times[0]) to \(times[1])\n"
    }

    static func names(_ users: UInt64, _ identities: UInt64) -> String {
        let user = users > 0 ? Quantity.count(users, "user name") : nil
        let key = identities > 0 ? Quantity.count(identities, "key") : nil
        return [user, key].compactMap(\.self).joined(separator: " and ")
    }

    static func json(_ command: String, preview: RemovalPreview, directory: String) -> JSON {
        var fields = head(command, directory, isDryRun: true)
        fields.append(("estimate", .bool(preview.isEstimate)))
        fields.append(("events", .number(preview.events)))
        fields.append(("removed", kinds(preview.removed)))
        if let oldest = preview.oldest { fields.append(("oldest", .time(oldest))) }
        if let newest = preview.newest { fields.append(("newest", .time(newest))) }
        return .object(fields)
    }

    /// - Parameter problem: what is left to do, such as a copy that remains in the WAL; nil if the removal is complete.
    static func json(
        _ command: String, _ outcome: MaintenanceJob.Outcome, directory: String, problem: String? = nil
    ) -> JSON {
        var fields = head(command, directory, isDryRun: false)
        fields.append(("events", .number(outcome.events)))
        fields.append(("removed", kinds(outcome.removed)))
        if command == "forget" {
            fields.append(("users", .number(outcome.users)))
            fields.append(("identities", .number(outcome.identities)))
        }
        fields.append(("names", .number(outcome.names)))
        fields.append(("bytes_before", .number(outcome.bytesBefore)))
        fields.append(("bytes_after", .number(outcome.bytesAfter)))
        fields.append(("complete", .bool(problem == nil)))
        if let problem { fields.append(("problem", .text(problem))) }
        return .object(fields)
    }

    private static func head(_ command: String, _ directory: String, isDryRun: Bool) -> [(String, JSON)] {
        [
            ("command", .text(command)), ("directory", .text(Environment.absolute(directory))),
            ("time", .time(Environment.nowMicroseconds)), ("uid", .number(getuid())), ("pid", .number(getpid())),
            ("dry_run", .bool(isDryRun)),
        ]
    }

    private static func kinds(_ removed: [UInt64]) -> JSON {
        .object(EventKind.allCases.map { ($0.name, .number(removed[$0.index])) })
    }
}

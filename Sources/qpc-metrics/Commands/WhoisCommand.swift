import ArgumentParser
import EventLog
import EventOutput
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import Terminal

struct WhoisCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table
        case json
        case csv
    }

    static let configuration = CommandConfiguration(
        commandName: "whois",
        abstract: "Finds who is behind a pseudonym, and the pseudonyms of a person.",
        discussion: """
            The log has no names, so the names come from you: a file with a user's name, or a key in hexadecimal, on each line, \
            such as the server's list of users. A key may be followed by a space and its owner's name. Each is tried under the \
            key of every epoch. This takes identity.key, so only its readers can do it. Without a pseudonym, every name in the \
            file that occurs in the log is listed.

            With --user or --identity it goes the other way: the pseudonyms in the log, with their events and times, and those of \
            the keys and users that registrations tie to them.

            Every user of this machine can see the arguments of a running command, as with ps. --user-file keeps a name out of \
            them: it reads names from a file, or from standard input, one on each line.

            Exits with 1 if no name explains a pseudonym.

            EXAMPLES
              qpc-metrics whois 86d952d7 --names users.txt
              qpc-metrics whois --names users.txt
              qpc-metrics whois --user alice
              qpc-metrics whois --user-file - < name.txt
            """)

    @Argument(help: ArgumentHelp("Pseudonyms, or their first 4 or more digits.", valueName: "pseudonym"))
    var pseudonyms: [String] = []

    @OptionGroup var directory: DirectoryOptions

    @Option(
        help: ArgumentHelp(
            "A file with a user's name, a key, or a key and a name on each line; - for standard input.", valueName: "file"),
        completion: .file())
    var names: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The pseudonyms of this user.", valueName: "name"))
    var user: String?

    @Option(
        name: .customLong("user-file"),
        help: ArgumentHelp(
            "The pseudonyms of the users in this file, one on each line; - for standard input.", valueName: "file"),
        completion: .file())
    var userFile: String?

    @Option(help: ArgumentHelp("The pseudonyms of this key.", valueName: "hex"))
    var identity: String?

    @OptionGroup var operatorKey: OperatorKeyOption

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .table

    private struct Line {
        var pseudonym: String
        var name: [UInt8]?
        var kinds: [NameKind]
        var epoch: Int64?
        var events: Int64?
        var first: Int64?
        var last: Int64?
    }

    func run() throws {
        let asks = [names != nil, user != nil, userFile != nil, identity != nil].count(where: { $0 })
        guard asks == 1, names != nil || pseudonyms.isEmpty else {
            // Hands type `whois alice`, and `whois 86d952d7` before they know that a list is needed.
            if asks == 0, let word = pseudonyms.first {
                let advice =
                    word.allSatisfy { $0.isHexDigit }
                    ? "to find the name of \(word), give the names to try with --names FILE"
                    : "for the pseudonyms of a user, qpc-metrics whois --user \(VisibleText.escaped(word, limit: 60))"
                throw Failure(Failure.usage, "\(advice); see qpc-metrics whois --help")
            }
            throw Failure(
                Failure.usage,
                "whois needs one of --names FILE, --user NAME, --user-file FILE or --identity HEX; see qpc-metrics whois --help")
        }
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        guard try !queryingLog({ () throws(LogError) in try log.epochs() }).isEmpty else {
            throw Failure(
                Failure.usage,
                LogOff.isSo(directory.source)
                    ? "this log has no pseudonyms: \(Settings.logIsOff), which keeps no event and no name"
                    : "this log has no pseudonyms: it holds names in plain text, or none at all; see qpc-metrics events")
        }
        let list = names.map { ("--names", $0) } ?? userFile.map { ("--user-file", $0) }
        // Read before the list: standard input serves one of them.
        _ = try operatorKey.secret(beside: list.map { (option: $0.0, file: $0.1) })
        var lines: [Line] = []
        if let names {
            lines = try byNames(names, log)
        } else if let userFile {
            for name in try UserFile.names(userFile, for: "whois") { lines += try bySomebody(name, log) }
        } else {
            lines = try bySomebody(user, log)
        }
        try write(lines)
        let unknown = lines.filter { $0.name == nil }.count
        guard unknown == 0 else {
            throw Failure(
                Failure.somethingWrong,
                "no name in the list explains \(Quantity.count(UInt64(unknown), "pseudonym"))")
        }
        if lines.isEmpty {
            let isOne = names == nil && userFile == nil
            Notice.say(
                "note: \(isOne ? "no such \(user == nil ? "key or identity" : "user")" : "none of these names is") in the log")
        }
    }

    // MARK: From pseudonyms to names

    private func byNames(_ file: String, _ log: EventLogReader) throws -> [Line] {
        var wanted: [String] = []
        for text in pseudonyms { wanted += try whole(text, log) }
        let search = try NamesOption.search(log, directory: directory.path, opening: try operatorKey.secret())
        var lines: [Line] = []
        try NameList.read(file) { entry in
            for match in search.matches(of: entry.subject) where wanted.isEmpty || wanted.contains(match.pseudonym) {
                let kinds = try queryingLog { () throws(LogError) in try log.kinds(ofPseudonym: match.pseudonym) }
                    .filter { ($0 == .user) != match.isKey }
                if kinds.isEmpty && wanted.isEmpty { continue }
                lines.append(Line(pseudonym: match.pseudonym, name: entry.name, kinds: kinds, epoch: match.epoch))
            }
        }
        for pseudonym in wanted where !lines.contains(where: { $0.pseudonym == pseudonym }) {
            let kinds = try queryingLog { () throws(LogError) in try log.kinds(ofPseudonym: pseudonym) }
            lines.append(Line(pseudonym: pseudonym, name: nil, kinds: kinds, epoch: nil))
        }
        return lines
    }

    /// The whole pseudonyms that begin with these digits.
    private func whole(_ text: String, _ log: EventLogReader) throws -> [String] {
        let digits = text.lowercased()
        guard let prefix = TermResolver.prefix(digits), digits.utf8.count >= TermResolver.prefixDigits,
            digits.utf8.count <= 2 * Pseudonym.byteCount
        else {
            throw Failure.invalid(text, for: "PSEUDONYM", "expected 4 to 32 hexadecimal digits")
        }
        // A pseudonym that is not in this log may still be somebody's.
        if digits.utf8.count == 2 * Pseudonym.byteCount { return [digits] }
        let found = try queryingLog { () throws(LogError) in try log.pseudonyms(from: prefix, limit: 100) }
        guard !found.isEmpty else { throw Failure(Failure.somethingWrong, "no pseudonym in the log begins with \(digits)") }
        return found
    }

    // MARK: From somebody to pseudonyms

    private func bySomebody(_ user: String?, _ log: EventLogReader) throws -> [Line] {
        let search = try NamesOption.search(log, directory: directory.path, opening: try operatorKey.secret())
        let name = Array((user ?? identity ?? "").utf8)
        if let identity, Hexadecimal.decode(identity) == nil {
            throw Failure.invalid(identity, for: "--identity", EventFilterOptions.expectedWholeHexadecimal)
        }
        let wantsKey = identity != nil
        var lines: [Line] = []
        for match in search.matches(of: name) where match.isKey == wantsKey {
            let kinds = try queryingLog { () throws(LogError) in try log.kinds(ofPseudonym: match.pseudonym) }
                .filter { wantsKey ? $0 == .identity : $0 == .user }
            guard !kinds.isEmpty else { continue }
            try lines.append(measured(Line(pseudonym: match.pseudonym, name: name, kinds: kinds, epoch: match.epoch), log))
        }
        let resolver = TermResolver(directory: directory.path, opening: try operatorKey.secret())
        let person = try queryingLog { () throws(LogError) in
            try Person.find(log, user: user.map { resolver.user($0) }, identity: identity.flatMap { resolver.bytes($0) })
        }
        let tied =
            person.users.map { (String(decoding: $0, as: UTF8.self), NameKind.user) }
            + person.identities.map { key in
                (key.withUnsafeBytes { String(decoding: Hexadecimal.encode($0), as: UTF8.self) }, NameKind.identity)
            }
        for (pseudonym, kind) in tied where !lines.contains(where: { $0.pseudonym == pseudonym && $0.kinds == [kind] }) {
            // Registered with the name that was asked for; its own name is not known.
            try lines.append(measured(Line(pseudonym: pseudonym, name: [], kinds: [kind], epoch: nil), log))
        }
        return lines
    }

    private func measured(_ line: Line, _ log: EventLogReader) throws -> Line {
        guard let bytes = Hexadecimal.decode(line.pseudonym) else { return line }
        var filter = EventFilter()
        let term = EventFilter.Term(plain: nil, pseudonyms: [bytes])
        if line.kinds == [.user] { filter.user = term } else { filter.identity = term }
        var line = line
        line.events = try queryingLog { () throws(LogError) in try log.count(filter) }
        line.first = try Self.time(filter, log)
        filter.newest = 1
        line.last = try Self.time(filter, log)
        return line
    }

    private static func time(_ filter: EventFilter, _ log: EventLogReader) throws -> Int64? {
        try queryingLog { () throws(LogError) in
            var events = try log.events(filter)
            return try events.next()?.timeMicroseconds
        }
    }

    // MARK: Output

    private static func kinds(_ line: Line) -> String {
        line.kinds.isEmpty ? "not in the log" : line.kinds.map { "\($0)" }.joined(separator: ", ")
    }

    private func write(_ lines: [Line]) throws {
        switch output {
        case .table: try writeTable(lines)
        case .json:
            let array = lines.map { line in
                var fields: [(String, JSON)] = [("pseudonym", .text(line.pseudonym))]
                if let name = line.name, !name.isEmpty { fields.append(("name", .text(name))) }
                fields.append(("kinds", .array(line.kinds.map { .text("\($0)") })))
                if let epoch = line.epoch { fields.append(("epoch", .number(epoch))) }
                if let events = line.events { fields.append(("events", .number(events))) }
                if let first = line.first { fields.append(("first", .time(first))) }
                if let last = line.last { fields.append(("last", .time(last))) }
                return JSON.object(fields)
            }
            try StandardOutput.write(JSON.array(array).line)
        case .csv:
            var text = "pseudonym,name,kinds,epoch,events,first,last\n"
            for line in lines {
                let known = line.name.flatMap { $0.isEmpty ? nil : $0 }
                let name =
                    known.map {
                        String(decoding: CSVField.text($0, isTerminal: isatty(STDOUT_FILENO) == 1), as: UTF8.self)
                    } ?? ""
                let fields = [
                    line.pseudonym, name, line.kinds.map { "\($0)" }.joined(separator: " "), line.epoch.map { "\($0)" } ?? "",
                    line.events.map { "\($0)" } ?? "", line.first.map(UTCTime.text) ?? "", line.last.map(UTCTime.text) ?? "",
                ]
                text += fields.joined(separator: ",") + "\n"
            }
            try StandardOutput.write(text)
        }
    }

    private var subject: String { user ?? (userFile == nil ? "the key" : "a user above") }

    private func writeTable(_ lines: [Line]) throws {
        guard !lines.isEmpty else { return }
        let hasTimes = lines.contains { $0.events != nil }
        var rows: [[Cell]] = [
            ["PSEUDONYM", "NAME", "KIND", "EPOCH"].map { Cell($0, .heading) }
                + (hasTimes ? ["EVENTS", "FIRST", "LAST"].map { Cell($0, .heading) } : [])
        ]
        for line in lines {
            var row = [
                Cell(line.pseudonym),
                line.name.map { $0.isEmpty ? Cell("(registered with \(subject))", .dim) : Cell(escaping: $0) }
                    ?? Cell("unknown", .bad), Cell(Self.kinds(line)), Cell(line.epoch.map { "\($0)" } ?? "-"),
            ]
            if hasTimes {
                row.append(Cell(Quantity.text(line.events ?? 0)))
                for time in [line.first, line.last] {
                    row.append(Cell(time.map { String(LocalTime.text($0, zone: .local).prefix(19)) } ?? "-"))
                }
            }
            rows.append(row)
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].columns }.max() ?? 0 }
        let buffer = OutputBuffer()
        let usesColor = TableOptions(for: buffer, color: .auto, environment: Environment.value).usesColor
        try printing { () throws(OutputError) in
            for row in rows {
                for (column, cell) in row.enumerated() {
                    cell.write(into: &buffer.pending, usesColor: usesColor)
                    let isLast = column == row.count - 1
                    buffer.pending.append(spaces: isLast ? 0 : widths[column] - cell.columns + 2)
                }
                buffer.pending.append(0x0A)
                try buffer.endLine()
            }
            try buffer.flush()
        }
    }
}

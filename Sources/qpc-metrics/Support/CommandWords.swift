import ArgumentParser
import Terminal

/// The command line as typed, converted to the form that the parser accepts: `-20` and `-n5` become `-n 20` and `-n 5`, and a
/// word that begins with a minus and a digit is never taken for options, so that the `h` of `-1h` does not ask for help.
///
/// A word that is not a command or option is refused here, with a suggestion of the nearest one.
struct CommandWords {
    /// An option as the help lists it.
    private struct Option {
        /// `-o, --output <format>`: all its names.
        var names: [String]
        /// `<format>`; nil for a flag.
        var value: String?

        var longName: String? { names.first { $0.hasPrefix("--") } }
    }

    private let command: String
    private let options: [Option]
    private let takesArguments: Bool

    /// - Throws: `Failure` with code 64 for a word that is not a command or option.
    static func parserForm(of words: [String], _ root: any ParsableCommand.Type) throws -> [String] {
        let commands = root.configuration.subcommands
        guard let first = words.first else { return words }
        if first == "version" || first == "-V" { return ["--version"] }
        let names = commands.map { $0._commandName }
        if first.hasPrefix("-") {
            guard !first.hasPrefix("--generate-"), !first.hasPrefix("--experimental-"), first != "---completion" else {
                return words
            }
            guard ["--help", "-h", "--version"].contains(first) else {
                throw Failure(
                    Failure.usage,
                    "unexpected option \(quoted(first)) before the command; put options after it, as in "
                        + "qpc-metrics events --dir DIRECTORY")
            }
            return words
        }
        if first == "help" {
            if words.count > 1 { _ = try find(words[1], names) }
            return words
        }
        let index = try find(first, names)
        let own = CommandWords(commands[index])
        return try [names[index]] + own.parserForm(of: Array(words.dropFirst()))
    }

    private static func find(_ word: String, _ names: [String]) throws -> Int {
        if let index = names.firstIndex(of: word) { return index }
        let hint = Nearest.word(to: word, among: names).map { "; did you mean '\($0)'? See" } ?? "; see"
        throw Failure(Failure.usage, "unknown command \(quoted(word))\(hint) qpc-metrics --help")
    }

    /// Reads the options of a command from its help, which lists each with its names and its value.
    private init(_ type: any ParsableCommand.Type) {
        command = type._commandName
        let lines = QPCMetrics.helpMessage(for: type, includeHidden: true, columns: 400).split(separator: "\n")
        takesArguments = lines.contains("ARGUMENTS:")
        options = lines.compactMap { line in
            guard line.hasPrefix("  -") else { return nil }
            var option = Option(names: [])
            // "  -o, --output <format>  The format": up to the first two spaces.
            let end = line.dropFirst(2).firstRange(of: "  ")?.lowerBound ?? line.endIndex
            for word in line[..<end].split(whereSeparator: { $0 == " " || $0 == "," || $0 == "/" }) {
                if word.hasPrefix("<") {
                    option.value = String(word)
                } else if word.hasPrefix("-") {
                    option.names.append(String(word))
                }
            }
            return option
        }
    }

    private func parserForm(of words: [String]) throws -> [String] {
        var result: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" { return result + [word] + rest }
            if word.hasPrefix("--") {
                try takeLong(word, &rest, &result)
            } else if word.hasPrefix("-"), word.count > 1 {
                try takeShort(word, &rest, &result)
            } else if takesArguments {
                result.append(word)
            } else {
                throw unexpected(word)
            }
        }
        return result
    }

    private func takeLong(_ word: String, _ rest: inout ArraySlice<String>, _ result: inout [String]) throws {
        let name = String(word.prefix { $0 != "=" })
        guard let option = option(name) else { throw unknown(name) }
        result.append(word)
        guard option.value != nil, name == word else { return }
        try takeValue(of: option, as: name, &rest, &result)
    }

    /// One letter, or several: `-n5`, `-rn 5`.
    private func takeShort(_ word: String, _ rest: inout ArraySlice<String>, _ result: inout [String]) throws {
        let letters = word.dropFirst()
        if let first = letters.first, first.isASCII, first.isNumber {
            guard letters.allSatisfy({ $0.isASCII && $0.isNumber }), option("-n") != nil else { throw unexpected(word) }
            result += ["-n", String(letters)]
            return
        }
        for (offset, letter) in letters.enumerated() {
            let name = "-\(letter)"
            guard let option = option(name) else { throw unknown(letters.count == 1 ? word : name, in: word) }
            result.append(name)
            guard option.value != nil else { continue }
            let value = letters.dropFirst(offset + 1)
            if value.isEmpty {
                try takeValue(of: option, as: name, &rest, &result)
            } else {
                result.append(String(value.first == "=" ? value.dropFirst() : value))
            }
            return
        }
    }

    /// What follows an option that takes a value is its value, unless it is another option.
    private func takeValue(
        of option: Option, as name: String, _ rest: inout ArraySlice<String>, _ result: inout [String]
    ) throws {
        guard let value = rest.first, self.option(value) == nil else {
            throw Failure(Failure.usage, "missing value for \(name) \(option.value ?? ""); \(help)")
        }
        rest.removeFirst()
        guard value.hasPrefix("-"), let long = option.longName else {
            result.append(value)
            return
        }
        // Joined, so that the parser takes none of its letters for an option.
        result[result.count - 1] = "\(long)=\(value)"
    }

    private func option(_ name: String) -> Option? { options.first { $0.names.contains(name) } }

    private var help: String { "see qpc-metrics \(command) --help" }

    private func unknown(_ name: String, in word: String? = nil) -> Failure {
        let place = word.flatMap { $0 == name ? nil : " in \(Self.quoted($0))" } ?? ""
        var meant: String?
        if let output = option("--output"), output.names.contains("-o"),
            ["json", "ndjson", "csv", "jsonl"].contains(name.drop { $0 == "-" })
        {
            meant = "-o \(name.drop { $0 == "-" })"
        } else if name.hasPrefix("--") {
            meant = Nearest.word(
                to: String(name.dropFirst(2)), among: options.compactMap(\.longName).map { String($0.dropFirst(2)) }
            ).map { "--" + $0 }
        }
        let hint = meant.map { "; did you mean '\($0)'? See" } ?? "; see"
        return Failure(Failure.usage, "unknown option \(Self.quoted(name))\(place)\(hint) qpc-metrics \(command) --help")
    }

    private func unexpected(_ word: String) -> Failure {
        var hint = ""
        // A time, as in "events -1h".
        if word.drop(while: { $0 == "-" || $0 == "+" }).first?.isNumber == true {
            if option("--since") != nil {
                hint = ": a time needs an option, such as --since \(VisibleText.escaped(word, limit: 60))"
            } else if option("--older-than") != nil {
                hint = ": an age needs an option, such as --older-than 7d"
            }
        }
        return Failure(Failure.usage, "unexpected argument \(Self.quoted(word))\(hint); \(help)")
    }

    private static func quoted(_ word: String) -> String { "'\(VisibleText.escaped(word, limit: 60))'" }
}

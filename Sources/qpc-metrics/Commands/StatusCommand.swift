import ArgumentParser
import MetricsQuery

struct StatusCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "One screen: is the plugin up, does it lose anything, what is wrong, what to do.",
        discussion: """
            Exits with 1 when something is wrong, so that a monitor can ask.

            EXAMPLES
              qpc-metrics status
              qpc-metrics status -o json
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("text or json.", valueName: "format"))
    var output: Format = .text

    func run() throws {
        let status = try querying { () throws(DataSourceError) in try Status.read(directory.source) }
        let text = StatusText(status)
        try StandardOutput.write(output == .json ? text.json : Array(text.text.utf8))
        guard status.problems.isEmpty else { throw Failure(Failure.somethingWrong, "") }
    }
}

import ArgumentParser
import MetricsQuery

struct StatusCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Reports whether the plugin is healthy, and if not, what to do.",
        discussion: """
            Exits with 1 if there is a problem, so that a monitor can use it. Says also how far the shippers of this log are behind \
            it; that is no problem of the plugin's.

            EXAMPLES
              qpc-metrics status
              qpc-metrics status -o json
            """)

    @OptionGroup var directory: DirectoryOptions

    @OptionGroup var shipments: ShipmentOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .text

    func run() throws {
        let status = try querying { () throws(DataSourceError) in try Status.read(directory.source) }
        let text = StatusText(status, shippers: shipments.findings(directory.source))
        try StandardOutput.write(output == .json ? text.json : Array(text.text(columns: StandardOutput.columns).utf8))
        guard status.problems.isEmpty else { throw Failure(Failure.somethingWrong, "") }
    }
}

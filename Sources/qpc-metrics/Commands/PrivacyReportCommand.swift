import ArgumentParser
import MetricsModel
import MetricsQuery
import Terminal

struct PrivacyReportCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "privacy-report",
        abstract: "Reports what a copy of the data directory would reveal, and which settings reduce that.",
        discussion: """
            Measured from the log itself, which is read once: a few seconds for ten million events. Of a larger table, only the \
            newest ten million rows are read, and the report says "at least". More than 262,144 pairs are estimated, to \
            within about 2 %, and marked with ~.

            EXAMPLES
              qpc-metrics privacy-report
              qpc-metrics privacy-report -o json | jq .advice
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .text

    @OptionGroup var operatorKey: OperatorKeyOption

    func run() throws {
        let secret = try operatorKey.secret()
        let report = try querying { () throws(DataSourceError) in
            try PrivacyReport.measure(directory.source, opening: secret) { rows in
                if StandardError.isTerminal { StandardError.write("\r\(Quantity.grouped(UInt64(clamping: rows))) events read") }
            }
        }
        if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
        let text = PrivacyReportText(report: report, directory: directory.path)
        try StandardOutput.write(output == .json ? PrivacyReportJSON.bytes(report) : Array(text.text.utf8))
    }
}

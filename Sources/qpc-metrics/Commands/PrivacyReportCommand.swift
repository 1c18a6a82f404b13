import ArgumentParser
import EventOutput
import Glibc
import MetricsModel
import MetricsQuery
import TimeWords

struct PrivacyReportCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "privacy-report",
        abstract: "What an attacker with the data directory would learn, and which settings reduce it.",
        discussion: """
            Measured from the log itself, which is read once: some seconds for ten million events. Of a table that has
            more, the newest ten million are looked at, and the report says "at least". More than 262,144 pairs are
            estimated, within some 2 %, and have a ~ before them.

            EXAMPLES
              qpc-metrics privacy-report
              qpc-metrics privacy-report -o json | jq .advice
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("text or json.", valueName: "format"))
    var output: Format = .text

    func run() throws {
        let isWatched = isatty(2) == 1
        let report = try querying { () throws(DataSourceError) in
            try PrivacyReport.measure(directory.source) { rows in
                if isWatched { Self.say("\r\(rows) events looked at") }
            }
        }
        if isWatched { Self.say("\r\u{1B}[K") }
        let text = PrivacyReportText(report: report, directory: directory.path)
        try StandardOutput.write(output == .json ? PrivacyReportJSON.text(report) : text.text)
    }

    private static func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}

import ArgumentParser
import EventLog
import EventOutput
import MetricsModel
import MetricsQuery

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Prints events, oldest first.",
        discussion: """
            All conditions must hold. Times are local in tables and UTC in JSON, NDJSON and CSV.

            EXAMPLES
              qpc-metrics events --failed --since today
              qpc-metrics events --user alice --kind auth -n 10
              qpc-metrics events --since "2026-11-22 14:00" --until "2026-11-22 15:00" -c
              qpc-metrics events --kind message_enqueue -o csv > messages.csv
              qpc-metrics events -o ndjson | jq 'select(.bytes > 1000000)'
            """)

    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var filterOptions: EventFilterOptions

    @Flag(name: .customShort("c"), help: "Only how many there are.")
    var count = false

    @Option(name: .shortAndLong, help: ArgumentHelp("table, json, ndjson or csv.", valueName: "format"))
    var output: String = "table"

    @Option(help: ArgumentHelp("auto, always or never.", valueName: "when"))
    var color: String = "auto"

    func run() throws {
        guard let format = OutputFormat(rawValue: output) else {
            throw Failure(Failure.usage, "-o \(output) is not a format; formats are table, json, ndjson and csv")
        }
        guard let color = ColorChoice(rawValue: color) else {
            throw Failure(Failure.usage, "--color \(self.color) is not understood; auto, always and never are")
        }
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        let filter = try filterOptions.filter(directory: directory.path)
        guard !count else {
            let events = try queryingLog { () throws(LogError) in try log.count(filter) }
            try StandardOutput.write("\(events)\n")
            return
        }
        try EventPrinter.print(filter, from: log, format: format, color: color)
    }
}

import ArgumentParser
import EventLog
import EventOutput
import MetricsModel
import MetricsQuery
import Terminal

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Prints events, oldest first.",
        discussion: """
            All conditions must hold. Times are local in tables and UTC in JSON, NDJSON and CSV.

            With --follow the newest 10 events come first, or as many as -n says; with --since or --after all from there.
            Then it waits for more, while servers stop and start, until Ctrl-C. It may be started before there is a log.

            EXAMPLES
              qpc-metrics events --failed --since today
              qpc-metrics events --user alice --kind auth -n 10
              qpc-metrics events --since "2026-11-22 14:00" --until "2026-11-22 15:00" -c
              qpc-metrics events -f --failed
              qpc-metrics events -f --after 123456 -o ndjson >> events.ndjson
              qpc-metrics events --kind message_enqueue -o csv > messages.csv
              qpc-metrics events -o ndjson | jq 'select(.bytes > 1000000)'
            """)

    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var filterOptions: EventFilterOptions

    @Flag(name: [.customShort("f"), .long], help: "Goes on with new events as they come.")
    var follow = false

    @Flag(name: [.customShort("c"), .long], help: "Only how many there are.")
    var count = false

    @Option(
        name: .shortAndLong, help: ArgumentHelp("table, json, ndjson or csv.", valueName: "format"),
        completion: .list(OutputFormat.allCases.map(\.rawValue)))
    var output: String = "table"

    @Option(help: ArgumentHelp("auto, always or never.", valueName: "when"), completion: .list(["auto", "always", "never"]))
    var color: String = "auto"

    func run() throws {
        guard let format = OutputFormat(rawValue: output) else {
            throw Failure(Failure.usage, "-o \(output) is not a format; formats are table, json, ndjson and csv")
        }
        guard let color = ColorChoice(rawValue: color) else {
            throw Failure(Failure.usage, "--color \(self.color) is not understood; auto, always and never are")
        }
        guard !follow else {
            try refuseWithFollow(format)
            try EventPrinter(format: format, color: color).follow(directory.source, options: filterOptions)
        }
        let filter = try filterOptions.filter(directory: directory.path)
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        try filterOptions.expectLookups(directory: directory.path, log: log)
        guard !count else {
            let events = try queryingLog { () throws(LogError) in try log.count(filter) }
            try StandardOutput.write("\(events)\n")
            return
        }
        try EventPrinter(format: format, color: color).print(filter, from: log)
    }

    /// What has no meaning for events that never end.
    private func refuseWithFollow(_ format: OutputFormat) throws {
        if format == .json {
            throw Failure(Failure.usage, "-o json is an array with an end, and --follow has none; use -o ndjson")
        }
        if count { throw Failure(Failure.usage, "-c counts what is there, and --follow waits for more; leave one out") }
        if filterOptions.reversed {
            throw Failure(Failure.usage, "-r prints the newest first, and with --follow newer ones come; leave one out")
        }
    }
}

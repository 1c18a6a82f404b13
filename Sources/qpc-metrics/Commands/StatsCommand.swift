import ArgumentParser
import EventLog
import EventOutput
import MetricsModel
import MetricsQuery
import Readings
import Terminal
import TimeWords

struct StatsCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table
        case json
        case csv
    }

    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Shows what the server did in a window of time, on one screen.",
        discussion: """
            Totals, rates, shares and sizes, failed logins by reason, the busiest times, the most active identities and \
            channels (pseudonyms unless the plugin logs names), and the users with most failed logins. Without --since and \
            --until, the window is the last 24 hours.

            Counts are exact. Percentiles are within 6 %, and exact below 16. Rates are over the part of the window that the \
            log covers. "Day before" is the same window one day earlier; for a window longer than a day, its last day is \
            compared. Times are local in the table and UTC in JSON and CSV, which leave out times without events.

            EXAMPLES
              qpc-metrics stats
              qpc-metrics stats --since today
              qpc-metrics stats --since -30d --top 10
              qpc-metrics stats --since "2026-11-22 20:00" --until "2026-11-22 21:00" --by minute
              qpc-metrics stats -o json | jq '.kinds.auth'
            """)

    @OptionGroup var directory: DirectoryOptions

    // A time may begin with a minus, so whatever follows the option is its value.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Events at or after this time, such as -2h, yesterday, 2026-11-22 14:00 (default: 24 hours before --until).",
            valueName: "time"))
    var since: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Events before this time (default: now).", valueName: "time"))
    var until: String?

    @Option(help: ArgumentHelp("The periods to divide the window into (default: what fits it).", valueName: "unit"))
    var by: TimeUnit?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many identities, channels and users to name; 0 for none.", valueName: "N"))
    var top: Int = 5

    @OptionGroup var people: NamesOption

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .table

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    func run() throws {
        let query = try query()
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        let stats = try queryingLog { () throws(LogError) in try query.ask(log) }
        let buffer = OutputBuffer()
        var options = TableOptions(for: buffer, color: color, environment: Environment.value)
        options.names = try people.load(log, directory: directory.path)
        let table = options
        try printing { () throws(OutputError) in
            switch output {
            case .table:
                try StatsTable(stats, options: table, width: TerminalSize.of().columns, top: top).write(into: buffer)
            case .json: try StatsJSON(stats, names: table.names).write(into: buffer)
            case .csv: try StatsCSV(stats, names: table.names).write(into: buffer)
            }
        }
        if stats.sum == 0 {
            var filter = EventFilter()
            (filter.sinceMicroseconds, filter.untilMicroseconds) = (query.since, query.until)
            EmptyAnswer.explain(filter, log, directory.source)
        } else {
            LogOff.say(directory.source)
        }
        DropNote.say(log, since: query.since, until: query.until)
    }

    private func query() throws -> StatsQuery {
        let now = Environment.nowMicroseconds
        let until = try self.until.map { try EventFilterOptions.time($0, option: "--until", now: now) } ?? now
        let since =
            try self.since.map { try EventFilterOptions.time($0, option: "--since", now: now) }
            ?? until - WindowStats.Comparison.dayMicroseconds
        guard since < until else {
            throw Failure.invalid(
                self.since ?? "", for: "--since", "expected a time before --until, which is \(self.until ?? "now")")
        }
        guard (0...Self.topLimit).contains(top) else {
            throw Failure.invalid("\(top)", for: "--top", "expected 0–\(Quantity.grouped(UInt64(Self.topLimit)))")
        }
        return StatsQuery(since: since, until: until, unit: by, top: top, now: now, zone: .local)
    }

    private static let topLimit = 100_000
}

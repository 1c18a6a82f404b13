import ArgumentParser
import EventLog
import EventOutput
import MetricsModel
import MetricsQuery
import Readings
import Terminal
import TimeWords

struct StatsCommand: ParsableCommand {
    enum Format: String, CaseIterable {
        case table
        case json
        case csv
    }

    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "One screen: what the server did in a window of time.",
        discussion: """
            Totals and rates, shares, sizes, failed logins by reason, the busiest times, who and which channels are most
            active (as the log writes them: pseudonyms unless it was told otherwise), and whose logins fail most. Without
            --since and --until it is about the last 24 hours.

            Counts are exact. Percentiles are within 6 %, and exact below 16. Rates are over the part of the window that
            the log reaches back to. The day before: the same hours of a window of up to a day, one day earlier; of a
            longer window its last day is compared. Times are local in the table and UTC in JSON and CSV, where times
            without an event are left out.

            EXAMPLES
              qpc-metrics stats
              qpc-metrics stats --since today
              qpc-metrics stats --since -30d --top 10
              qpc-metrics stats --since "2026-11-22 20:00" --until "2026-11-22 21:00" --by minute
              qpc-metrics stats -o json | jq '.kinds.auth'
            """)

    @OptionGroup var directory: DirectoryOptions

    // A time may begin with a minus: what follows the option is its value, whatever it looks like.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Events at or after this time, such as -2h, yesterday, 2026-11-22 14:00 (default: 24 hours before --until).",
            valueName: "time"))
    var since: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Events before this time (default: now).", valueName: "time"))
    var until: String?

    @Option(
        help: ArgumentHelp(
            "minute, hour or day: what the window is divided into (default: what fits it).", valueName: "unit"))
    var by: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many identities, channels and users are named; 0 for none.", valueName: "N"))
    var top: Int = 5

    @Option(name: .shortAndLong, help: ArgumentHelp("table, json or csv.", valueName: "format"))
    var output: String = "table"

    @Option(help: ArgumentHelp("auto, always or never.", valueName: "when"))
    var color: String = "auto"

    func run() throws {
        guard let format = Format(rawValue: output) else {
            throw Failure(Failure.usage, "-o \(output) is not a format; formats are table, json and csv")
        }
        guard let color = ColorChoice(rawValue: color) else {
            throw Failure(Failure.usage, "--color \(self.color) is not understood; auto, always and never are")
        }
        let query = try query()
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        let stats = try queryingLog { () throws(LogError) in try query.ask(log) }
        let buffer = OutputBuffer()
        let options = TableOptions(for: buffer, color: color, environment: Environment.value)
        try printing { () throws(OutputError) in
            switch format {
            case .table:
                try StatsTable(stats, options: options, width: TerminalSize.of().columns, top: top).write(into: buffer)
            case .json: try StatsJSON(stats).write(into: buffer)
            case .csv: try StatsCSV(stats).write(into: buffer)
            }
        }
    }

    private func query() throws -> StatsQuery {
        let now = Environment.nowMicroseconds
        let until = try self.until.map { try EventFilterOptions.time($0, option: "--until", now: now) } ?? now
        let since =
            try self.since.map { try EventFilterOptions.time($0, option: "--since", now: now) }
            ?? until - WindowStats.Comparison.dayMicroseconds
        guard since < until else {
            throw Failure(
                Failure.usage,
                "--since \(self.since ?? "") is not before --until \(self.until ?? "now"); no event can be in between")
        }
        let unit = try by.map { name in
            guard let unit = TimeUnit(rawValue: name) else {
                throw Failure(Failure.usage, "--by \(name) is not a unit; units are minute, hour and day")
            }
            return unit
        }
        guard (0...Self.topLimit).contains(top) else {
            throw Failure(Failure.usage, "--top \(top) is not understood; 0 to \(Self.topLimit) is")
        }
        return StatsQuery(since: since, until: until, unit: unit, top: top, now: now, zone: .local)
    }

    private static let topLimit = 100_000
}

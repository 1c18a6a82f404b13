import ArgumentParser
import EventLog
import EventOutput
import EventSearch
import MetricsModel
import MetricsQuery
import Readings
import Terminal

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
            Totals, rates, shares and sizes, failed logins by reason and over time, the course of the window, the most active \
            identities and channels (pseudonyms unless the plugin logs names), and the users with most failed logins. Without \
            --since, the window is the last 24 hours, or the 24 hours before --until. With conditions, all of it is about the \
            events that meet them.

            Counts are exact. Percentiles are within 6 %, and exact below 16. Rates are over the part of the window that the \
            log covers. "Day before" is the same window one day earlier; for a window longer than a day, its last day is \
            compared; with -n or --after, none is. Times are local in the table and UTC in JSON and CSV, which leave out times \
            without events and, unlike the table without --by, never merge periods.

            The most active are those named in most events: messages sent and received, fetches, channels and registrations. \
            In a window of more than a million messages and fetches, what each of them sent and received is left out; \
            count --by sender --sum bytes tells it.

            EXAMPLES
              qpc-metrics stats
              qpc-metrics stats --since today
              qpc-metrics stats --since -30d --top 10
              qpc-metrics stats --user alice
              qpc-metrics stats --failed --since -1h --by minute
              qpc-metrics stats --channel c49e1d0a77b2 --since -7d
              qpc-metrics stats --since "2026-11-22 20:00" --until "2026-11-22 21:00"
              qpc-metrics stats -o json | jq '.kinds.auth'
            """)

    @OptionGroup var directory: DirectoryOptions

    @OptionGroup var filterOptions: EventFilterOptions

    @Option(help: ArgumentHelp("The periods to divide the window into (default: what fits it).", valueName: "unit"))
    var by: TimeUnit?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many identities, channels and users to name; 0 for none.", valueName: "N"))
    var top: Int = 5

    @OptionGroup var people: NamesOption
    @OptionGroup var operatorKey: OperatorKeyOption

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .table

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    func run() throws {
        try people.expectOwnInput(operatorKey)
        let query = try query()
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        try filterOptions.expectLookups(directory: directory.path, log: log)
        let stats = try queryingLog { () throws(LogError) in try query.ask(log) }
        let buffer = OutputBuffer()
        var options = TableOptions(for: buffer, color: color, environment: Environment.value)
        options.names = try people.load(log, directory: directory.path, operatorKey)
        let table = options
        try printing { () throws(OutputError) in
            switch output {
            case .table:
                try StatsTable(
                    stats, options: table, width: TerminalSize.of().columns, top: top, isByPeriod: by != nil,
                    measuresMessages: measuresMessages
                ).write(into: buffer)
            case .json: try StatsJSON(stats, names: table.names).write(into: buffer)
            case .csv: try StatsCSV(stats, names: table.names).write(into: buffer)
            }
        }
        if !measuresMessages, query.filter.holds(.messageEnqueue) {
            Notice.say("note: messages are \(Settings.messagesAreNotMeasured), except those of batches")
        }
        if query.filter.newest == 0 { return }
        var filter = query.filter
        (filter.sinceMicroseconds, filter.untilMicroseconds) = (query.since, query.until)
        if stats.sum == 0 {
            EmptyAnswer.explain(filter, log, directory.source)
        } else {
            EmptyAnswer.qualify(filter, directory.source)
        }
        guard query.filter.newest == nil, query.filter.afterID == nil else { return }
        let kinds = EventKind.allCases.filter { query.filter.holds($0) }
        DropNote.say(log, directory.source, since: query.since, until: query.until, kinds: kinds)
        RemovalNote.say(log, directory.source, since: query.since, kinds: kinds)
    }

    /// As the plugin's last run had it.
    private var measuresMessages: Bool { (try? directory.source.live())?.header.settings.messageHook != false }

    private func query() throws -> StatsQuery {
        let now = Environment.nowMicroseconds
        let filter = try filterOptions.filter(directory: directory.path, now: now)
        let until = filter.untilMicroseconds ?? now
        let since = filter.sinceMicroseconds ?? until - WindowStats.Comparison.dayMicroseconds
        guard since < until else {
            throw Failure.invalid(filterOptions.since ?? "", for: "--since", "expected a time before --until, which is now")
        }
        guard (0...Self.topLimit).contains(top) else {
            throw Failure.invalid("\(top)", for: "--top", "expected 0–\(Quantity.grouped(UInt64(Self.topLimit)))")
        }
        return StatsQuery(since: since, until: until, unit: by, top: top, now: now, zone: .local, filter: filter)
    }

    private static let topLimit = 100_000
}

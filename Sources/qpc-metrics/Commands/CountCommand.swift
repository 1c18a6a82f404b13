import ArgumentParser
import EventLog
import EventOutput
import EventSearch
import MetricsModel
import MetricsQuery
import Readings
import Terminal

struct CountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count",
        abstract: "Counts events in groups: by user, reason, hour and more.",
        discussion: """
            Counts the events that match every condition, in groups of one or two fields, and adds up what they carry. Only \
            kinds of events that have all the fields in --by are counted: --by user counts logins and registrations. A \
            line with - counts events whose field has no value, such as messages from sealed senders.

            --by identity counts an event once for each identity in it: sender, recipient, initiator, peer, or the one that was \
            registered. --by class and --class are about failed logins, in the classes of the counter \
            qpc_auth_failures_total. Hours, days and weekdays are those of the local zone. JSON, NDJSON and CSV have the start \
            of a minute, hour or day in UTC, and the number of events as "events".

            EXAMPLES
            Most failed logins of the last day:
              qpc-metrics count --failed --since -1d --by user --top 10
            Why logins fail, by reason and by class:
              qpc-metrics count --failed --by reason
              qpc-metrics count --since -1h --by class
            When it began:
              qpc-metrics count --since -1h --by minute,class
            Who logged in after ten or more failures:
              qpc-metrics count --by user --having 'failed_before_ok>=10'
            Biggest senders, by messages and by bytes:
              qpc-metrics count --by sender --top 10
              qpc-metrics count --by sender --sum bytes --top 10
            Messages per hour today, beside the same day last week:
              qpc-metrics count --kind message_enqueue --since today --by hour --beside 7d
            How many users logged in today:
              qpc-metrics count --ok --since today --distinct user
            Registrations per day:
              qpc-metrics count --kind user_registered --since -30d --by day
            Who talks in this channel, and how much:
              qpc-metrics count --channel c49e1d0a77b2 --by sender --sum bytes
            The largest messages:
              qpc-metrics count --since today --by sender,recipient --max bytes --top 10
            When alice was last seen:
              qpc-metrics count --user alice --by kind --last
            Which hours of the week are busy:
              qpc-metrics count --by weekday,hour_of_day --sort events --top 10
            What was dropped between 14:00 and 14:05:
              qpc-metrics count --dropped --since 14:00 --until 14:05 --by minute,kind
            Whose messages are waiting to be fetched, and since when:
              qpc-metrics count --by recipient --waiting --top 10
            """)

    @OptionGroup var directory: DirectoryOptions
    @OptionGroup var countOptions: CountOptions
    @OptionGroup var filterOptions: EventFilterOptions
    @OptionGroup var people: NamesOption

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: OutputFormat = .table

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    func run() throws {
        try people.expectOwnInput(filterOptions.operatorKey)
        let question =
            countOptions.waiting ? try countOptions.waitingQuestion(filterOptions) : try countOptions.question(filterOptions)
        let now = Environment.nowMicroseconds
        let filter = try filterOptions.filter(directory: directory.path, now: now)
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        try filterOptions.expectLookups(directory: directory.path, log: log)
        let drops = try countOptions.dropped ? drops(in: log, filter) : DropAccount()
        let answer = try Self.counting { () throws(CountError) in
            if countOptions.waiting { return try log.countingWaiting(question, filter) }
            return countOptions.dropped
                ? try log.countingDrops(question, filter, minutes: drops.minutes, zone: .local)
                : try log.counting(question, filter, now: now, zone: .local)
        }
        let buffer = OutputBuffer()
        var options = TableOptions(for: buffer, color: color, environment: Environment.value)
        options.names = try people.load(log, directory: directory.path, filterOptions.operatorKey)
        let table = options
        try printing { () throws(OutputError) in
            switch output {
            case .table:
                let width = buffer.isTerminal ? TerminalSize.of().columns : nil
                try CountTable(answer, options: table, width: width).write(into: buffer)
            case .json: try CountJSON(answer, isArray: true, names: table.names).write(into: buffer)
            case .ndjson: try CountJSON(answer, isArray: false, names: table.names).write(into: buffer)
            case .csv: try CountCSV(answer, names: table.names).write(into: buffer)
            }
        }
        if answer.count == 0 {
            if let reason = empty(answer, drops).reason {
                Notice.say("note: \(reason)")
            } else {
                EmptyAnswer.explain(filter, log, directory.source)
            }
        } else {
            EmptyAnswer.qualify(filter, directory.source)
        }
        if countOptions.dropped { DropNote.say(drops.possible, kinds: EventKind.allCases.filter { filter.holds($0) }) }
        guard !countOptions.dropped, !countOptions.waiting, filter.newest == nil, filter.afterID == nil else { return }
        let kinds = EventKind.allCases.filter { filter.holds($0) && question.fits($0) }
        DropNote.say(log, directory.source, since: filter.sinceMicroseconds, until: filter.untilMicroseconds, kinds: kinds)
        RemovalNote.say(log, directory.source, since: filter.sinceMicroseconds, kinds: kinds)
    }

    private func drops(in log: EventLogReader, _ filter: EventFilter) throws -> DropAccount {
        let (since, until) = (filter.sinceMicroseconds ?? 0, filter.untilMicroseconds ?? .max)
        return try queryingLog { () throws(LogError) in try DropAccount.read(log, directory.source, since: since, until: until) }
    }

    private func empty(_ answer: CountAnswer, _ drops: DropAccount) -> EmptyCount {
        EmptyCount(
            answer, countOptions, mayHaveDrops: !drops.possible.isEmpty, isWithoutRecipients: isWithoutRecipients,
            isLogOff: LogOff.isSo(directory.source))
    }

    /// Whether the plugin omits the recipients of messages.
    private var isWithoutRecipients: Bool {
        guard let settings = try? directory.source.live()?.header.settings else { return false }
        return settings.identities == .none || !settings.pairs
    }

    /// Runs a count and gives its errors their exit codes.
    private static func counting(_ body: () throws(CountError) -> CountAnswer) throws -> CountAnswer {
        do {
            return try body()
        } catch {
            let advice = "choose a shorter time with --since and --until, fewer events with a filter such as --kind"
            switch error {
            case .log(let error): throw Failure(DataSourceError.log(error))
            case .tooManyGroups(let limit):
                throw Failure(
                    Failure.somethingWrong,
                    "there are more than \(Quantity.grouped(UInt64(limit))) groups: \(advice), or --by fewer fields")
            case .tooManyNames(let limit):
                throw Failure(
                    Failure.somethingWrong,
                    "there are more than \(Quantity.grouped(UInt64(limit))) different names in groups: \(advice), or without --by"
                )
            }
        }
    }
}

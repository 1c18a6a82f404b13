import ArgumentParser
import EventLog
import EventOutput
import EventSearch
import MetricsModel
import MetricsQuery
import Readings
import Terminal

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Prints events, oldest first.",
        discussion: """
            Prints the events that match every condition. Times are local in tables and UTC in JSON, NDJSON and CSV. On a \
            terminal each event is one line that fits its width; --full prints everything.

            --follow first prints the newest 10 events, or as many as -n says; with --since or --after, all events from there \
            on. Then it waits for more, across restarts of the server, until Ctrl-C. It can be started before there is a log.

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
    @OptionGroup var people: NamesOption

    @Flag(name: [.customShort("f"), .long], help: "Continue with new events as they arrive.")
    var follow = false

    @Flag(name: [.customShort("c"), .long], help: "Print only the number of events.")
    var count = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: OutputFormat = .table

    @Flag(help: "Show times in UTC, in tables too.")
    var utc = false

    @Flag(help: "Show whole pseudonyms and keys in aligned columns, on a terminal too.")
    var full = false

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    func run() throws {
        guard !follow else {
            try refuseWithFollow()
            try EventPrinter(format: output, color: color, isUTC: utc, isFull: full, names: followedNames()).follow(
                directory.source, options: filterOptions)
        }
        let filter = try filterOptions.filter(directory: directory.path)
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        try filterOptions.expectLookups(directory: directory.path, log: log)
        guard !count else {
            let events = try queryingLog { () throws(LogError) in try log.count(filter) }
            try StandardOutput.write("\(events)\n")
            if events == 0, filter.newest != 0 { EmptyAnswer.explain(filter, log, directory.source) }
            if filter.newest == nil { sayDrops(filter, log, oldest: nil) }
            return
        }
        let names = try people.load(log, directory: directory.path)
        let oldest = try EventPrinter(format: output, color: color, isUTC: utc, isFull: full, names: names)
            .print(filter, from: log)
        if oldest == nil, filter.newest != 0 { EmptyAnswer.explain(filter, log, directory.source) }
        sayDrops(filter, log, oldest: filter.newest == nil ? nil : oldest)
    }

    /// - Parameter oldest: with `-n`, the time of the oldest event that was printed: earlier drops are not part of the answer.
    private func sayDrops(_ filter: EventFilter, _ log: EventLogReader, oldest: Int64?) {
        guard filter.newest == nil || oldest != nil, filter.afterID == nil else { return }
        let kinds = EventKind.allCases.filter { filter.holds($0) }
        DropNote.say(log, since: oldest ?? filter.sinceMicroseconds, until: filter.untilMicroseconds, kinds: kinds)
    }

    /// Loaded once, at the start: users who register later have no name.
    private func followedNames() throws -> PeopleNames? {
        guard people.file != nil else { return nil }
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        return try people.load(log, directory: directory.path)
    }

    /// Refuses options that make no sense for events that never end.
    private func refuseWithFollow() throws {
        let conflicts = [
            (output == .json, "-o json", "a JSON array has an end; use -o ndjson"),
            (count, "-c", "the count never ends"), (filterOptions.reversed, "-r", "the newest event is yet to come"),
        ]
        for (isGiven, option, reason) in conflicts where isGiven {
            throw Failure(Failure.usage, "\(option) cannot be used with --follow: \(reason)")
        }
    }
}

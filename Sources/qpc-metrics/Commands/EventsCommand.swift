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

            On a terminal, events are shown through $QPC_METRICS_PAGER, else $PAGER, else less if it is installed, which ends at \
            once if all of them fit. An empty value or --no-pager turns this off.

            --cursor-file is for jobs that run again and again: each run continues after the last event that an earlier one \
            printed. The file is replaced after the events have been written, so a run that is killed repeats events rather \
            than skipping any. Without the file, it begins at the start of the log. CSV has its heading in the run that creates \
            the file, so that the outputs of all runs make one table.

            EXAMPLES
              qpc-metrics events --failed --since today
              qpc-metrics events --user alice --kind auth -n 10
              qpc-metrics events --since "2026-11-22 14:00" --until "2026-11-22 15:00" -c
              qpc-metrics events -f --failed
              qpc-metrics events -f --after 123456 -o ndjson >> events.ndjson
              qpc-metrics events -o ndjson --cursor-file CURSOR >> events.ndjson
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

    @Flag(name: .customLong("no-pager"), help: "Do not show the events in a pager.")
    var isWithoutPager = false

    @Option(
        name: .customLong("cursor-file"),
        help: ArgumentHelp("Resume after the event in this file, and keep the last one printed there.", valueName: "file"),
        completion: .file())
    var cursorPath: String?

    func run() throws {
        try people.expectOwnInput(filterOptions.operatorKey)
        try refuseWithCursor()
        let cursor = cursorPath.map { CursorFile(path: $0) }
        guard !follow else {
            try refuseWithFollow()
            if LogOff.isSo(directory.source) { Notice.say("note: \(LogOff.reason)") }
            let names = try people.growing(directory: directory.path, filterOptions.operatorKey)
            let heading = try cursor.map { try $0.read() == nil ? CSVHeading.withEvents : .never } ?? .always
            try EventPrinter(
                format: output, color: color, isUTC: utc, isFull: full, names: names.map { _ in PeopleNames() }, heading: heading
            ).follow(directory.source, options: filterOptions, names: names, cursor: cursor)
        }
        var filter = try filterOptions.filter(directory: directory.path)
        let log = try querying { () throws(DataSourceError) in try directory.source.requiredLog() }
        try filterOptions.expectLookups(directory: directory.path, log: log)
        guard !count else {
            let events = try queryingLog { () throws(LogError) in try log.count(filter) }
            try StandardOutput.write("\(events)\n")
            explain(isEmpty: events == 0, filter, log)
            if filter.newest == nil { sayDrops(filter, log, oldest: nil) }
            return
        }
        let position = try cursor?.read()
        if let position { filter.afterID = try resume(from: position, log) }
        let names = try people.load(log, directory: directory.path, filterOptions.operatorKey)
        let heading: CSVHeading = cursor == nil ? .always : position == nil ? .withEvents : .never
        let printed = try EventPrinter(
            format: output, color: color, isUTC: utc, isFull: full, names: names, heading: heading
        )
        .print(filter, from: log, pager: isWithoutPager || cursor != nil ? nil : Pager.wanted)
        if let last = printed.last { try cursor?.replace(with: last, isSynced: true) }
        // A job that resumes finds nothing new most of the time.
        if printed.last != nil || cursor == nil || filter.afterID == nil {
            explain(isEmpty: printed.last == nil, filter, log)
        }
        sayDrops(filter, log, oldest: filter.newest == nil ? nil : printed.oldest)
    }

    /// The id to resume after; nil if this log does not have the cursor's event and never had it.
    private func resume(from position: LogPosition, _ log: EventLogReader) throws -> Int64? {
        if try queryingLog({ () throws(LogError) in try log.goesOn(from: position) }) { return position.id }
        Notice.say("note: \(cursorPath ?? "") is from another log; beginning at the start of this one")
        return nil
    }

    private func refuseWithCursor() throws {
        guard cursorPath != nil else { return }
        let conflicts = [
            (count, "-c", "it prints no event"), (filterOptions.reversed, "-r", "the cursor is the newest event printed"),
            (filterOptions.after != nil, "--after", "the file says where to resume"),
        ]
        for (isGiven, option, reason) in conflicts where isGiven {
            throw Failure(Failure.usage, "\(option) cannot be used with --cursor-file: \(reason)")
        }
    }

    private func explain(isEmpty: Bool, _ filter: EventFilter, _ log: EventLogReader) {
        guard filter.newest != 0 else { return }
        if isEmpty { return EmptyAnswer.explain(filter, log, directory.source) }
        EmptyAnswer.qualify(filter, directory.source)
    }

    /// - Parameter oldest: with `-n`, the time of the oldest event that was printed: earlier drops are not part of the answer.
    private func sayDrops(_ filter: EventFilter, _ log: EventLogReader, oldest: Int64?) {
        guard filter.newest == nil || oldest != nil, filter.afterID == nil else { return }
        let kinds = EventKind.allCases.filter { filter.holds($0) }
        DropNote.say(
            log, directory.source, since: oldest ?? filter.sinceMicroseconds, until: filter.untilMicroseconds, kinds: kinds)
        if oldest == nil { RemovalNote.say(log, directory.source, since: filter.sinceMicroseconds, kinds: kinds) }
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

import EventLog
import EventOutput
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import Readings
import Terminal
import TimeWords

/// Prints the events that a query finds, as it finds them.
final class EventPrinter {
    private let writer: any EventWriter
    private let buffer: OutputBuffer
    private let format: OutputFormat
    private let names: PeopleNames?
    private var pager: Pager?
    /// The last event that was printed since the cursor file was written.
    private var last: LogPosition?

    /// - Parameter isFull: whether identities are shown in full, in aligned columns, on a terminal too.
    init(
        format: OutputFormat, color: ColorChoice = .auto, isUTC: Bool = false, isFull: Bool = false,
        names: PeopleNames? = nil, heading: CSVHeading = .always
    ) {
        // Flushed between the log's transactions, so that a pager left open does not hold one.
        buffer = OutputBuffer()
        buffer.isHeld = true
        self.format = format
        self.names = names
        var options = TableOptions(for: buffer, color: color, environment: Environment.value)
        options.names = names
        if isUTC {
            options.zone = .utc
            options.isUTC = true
        }
        if isFull { options.showsFullIdentities = true } else if buffer.isTerminal { options.columns = TerminalSize.of().columns }
        writer = format.writer(into: buffer, table: options, heading: heading)
    }

    /// What was printed.
    struct Printed {
        /// The time of the oldest event, UTC microseconds; nil if there was none.
        var oldest: Int64?
        /// The last event.
        var last: LogPosition?
    }

    /// - Parameter pager: the command to show the events with, if there are any; nil for none.
    @discardableResult
    func print(_ filter: EventFilter, from log: EventLogReader, pager command: String? = nil) throws -> Printed {
        var printed = Printed()
        var events = try queryingLog { () throws(LogError) in try log.events(filter) }
        while let event = try queryingLog({ () throws(LogError) in try events.next() }) {
            if printed.last == nil, let command { pager = try Pager(command) }
            printed.oldest = min(printed.oldest ?? .max, event.timeMicroseconds)
            printed.last = LogPosition(id: event.id, timeMicroseconds: event.timeMicroseconds)
            guard try write(event, flushing: events.isPaused) else { break }
            if let rest = events.rest, try self.print(rest, from: log, noting: &printed) { break }
        }
        _ = try sending { () throws(OutputError) in try writer.finish() }
        try pager?.finish()
        pager = nil
        return printed
    }

    /// A run of events as text.
    private struct Part: Sendable {
        var text: [UInt8]
        var printed: Printed
    }

    /// Prints the rest of a long answer, which several threads read and format.
    ///
    /// - Returns: false if that cannot be done here.
    private func print(
        _ rest: EventStream.Rest, from log: EventLogReader, noting printed: inout Printed
    ) throws -> Bool {
        guard pager == nil, !buffer.isTerminal, format.partWriter(into: buffer, names: names) != nil else { return false }
        let helpers = log.helpers()
        guard !helpers.isEmpty else { return false }
        let pieces = try queryingLog { () throws(LogError) in try EventPieces(rest, log) }
        guard let team = Self.team(helpers, pieces, format, names) else { return false }
        while let part = try queryingLog({ () throws(LogError) in try team.next() }) {
            printed.oldest = min(printed.oldest ?? .max, part.printed.oldest ?? .max)
            printed.last = part.printed.last ?? printed.last
            try printing { () throws(OutputError) in
                try buffer.write(part.text)
                try writer.flush()
            }
        }
        return true
    }

    private static func team(
        _ helpers: [EventLogReader], _ pieces: EventPieces, _ format: OutputFormat, _ names: PeopleNames?
    ) -> ReaderTeam<Part>? {
        ReaderTeam.start(helpers, pieces: pieces.count) { (log, piece, deliver) throws(LogError) in
            let output = OutputBuffer(keepingForTerminal: false)
            guard let writer = format.partWriter(into: output, names: names) else { return }
            var events = pieces.events(piece, of: log)
            var printed = Printed()
            while let event = try events.next() {
                // Into memory, which does not fail.
                try? writer.write(event)
                printed.oldest = min(printed.oldest ?? .max, event.timeMicroseconds)
                printed.last = LogPosition(id: event.id, timeMicroseconds: event.timeMicroseconds)
                // Whoever takes the text may be slow, and no transaction waits for that.
                guard events.isPaused else { continue }
                guard deliver(Part(text: output.takeBytes(), printed: printed)) else { return }
                printed = Printed()
            }
            if printed.last != nil { _ = deliver(Part(text: output.takeBytes(), printed: printed)) }
        }
    }

    /// Prints what the filter finds, and then new events as they are logged, until a signal ends the program or the reader of the
    /// output goes away.
    ///
    /// - Parameter names: kept up to date with what is registered; nil for none.
    /// - Parameter cursor: where the last event that was printed is kept; nil for nowhere.
    func follow(
        _ source: DataSource, options: EventFilterOptions, names: GrowingNames? = nil, cursor: CursorFile? = nil
    ) throws -> Never {
        let first = try options.filter(directory: source.directory)
        var filter = first
        let start = try cursor?.read() ?? options.after.map { LogPosition(id: $0, timeMicroseconds: nil) }
        if start == nil && options.since == nil && filter.newest == nil { filter.newest = Self.newest }
        let follower = LogFollower(source, after: start)
        var isFirstLook = true
        while true {
            switch try querying({ () throws(DataSourceError) in try follower.look() }) {
            case .missing:
                if isFirstLook { Notice.say("there is no event log in \(source.directory) yet; waiting for one") }
            case .unchanged: break
            case .opened:
                // In another log, names have other ids, and the key may be new. Times remain the same.
                if let log = follower.log { try options.expectLookups(directory: source.directory, log: log) }
                let again = try options.filter(directory: source.directory)
                (filter.user, filter.identity, filter.channel) = (again.user, again.identity, again.channel)
                (filter.sender, filter.recipient) = (again.sender, again.recipient)
                if !isFirstLook && options.newest == nil { filter.newest = nil }
                if let names, let log = follower.log { writer.learn(try names.names(log).names) }
                try read(&filter, from: follower)
            case .changed:
                if let names, let log = follower.log { learn(names, log) }
                try read(&filter, from: follower)
            }
            isFirstLook = false
            try printing { () throws(OutputError) in try writer.flush() }
            if let position = last, let cursor { try cursor.replace(with: position, isSynced: false) }
            last = nil
            Self.wait()
        }
    }

    /// As many as `tail` shows.
    private static let newest = 10
    /// An event is printed within half a second of its hook; it is in the log after a quarter of a second at the latest.
    private static let lookMilliseconds: Int32 = 50

    /// What cannot be read now may be readable the next time: a log that is being replaced, say.
    private func learn(_ names: GrowingNames, _ log: EventLogReader) {
        guard let (names, areNew) = try? names.names(log), areNew else { return }
        writer.learn(names)
    }

    private func read(_ filter: inout EventFilter, from follower: LogFollower) throws {
        try querying { () throws(DataSourceError) in try follower.begin(filter) }
        while let event = try querying({ () throws(DataSourceError) in try follower.next() }) {
            _ = try write(event, flushing: follower.isPaused)
            last = LogPosition(id: event.id, timeMicroseconds: event.timeMicroseconds)
        }
        filter.newest = nil
    }

    /// Waits until the next poll; ends the program if the reader of the output has gone.
    private static func wait() {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        guard poll(&output, 1, lookMilliseconds) > 0, output.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 else { return }
        BrokenPipe.end()
    }

    /// - Returns: false if the pager has been quit.
    private func write(_ event: LoggedEvent, flushing: Bool) throws -> Bool {
        try sending { () throws(OutputError) in
            try writer.write(event)
            if flushing { try writer.flush() }
        }
    }

    private func sending(_ body: () throws(OutputError) -> Void) throws -> Bool {
        var hasQuit = false
        try printing { () throws(OutputError) in
            do throws(OutputError) {
                try body()
            } catch {
                guard pager != nil, case .readerGone = error else { throw error }
                hasQuit = true
            }
        }
        return !hasQuit
    }
}

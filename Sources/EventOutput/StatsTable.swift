import MetricsModel
import Readings
import Terminal
import TimeWords

/// A window's sums on one screen, for people. No text from the log reaches the output raw; see `VisibleText`.
public struct StatsTable {
    private let stats: WindowStats
    private let options: TableOptions
    /// The screen's width in columns.
    private let width: Int
    /// How many reasons to show; at least five are shown.
    private let top: Int
    /// The most lines for the course of the window.
    private let steps: Int
    /// Whether messages that come alone are recorded.
    private let measuresMessages: Bool

    /// - Parameter isByPeriod: whether each period was asked for, rather than the course of the window.
    /// - Parameter measuresMessages: whether messages that come alone are recorded.
    public init(
        _ stats: WindowStats, options: TableOptions, width: Int, top: Int, isByPeriod: Bool = false, measuresMessages: Bool = true
    ) {
        self.measuresMessages = measuresMessages
        self.stats = stats
        self.options = options
        self.width = width
        self.top = top
        steps = isByPeriod ? Self.mostSteps : Self.usualSteps
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        for cell in heading {
            cell.write(into: &output.pending, usesColor: options.usesColor)
            output.pending.append(0x0A)
        }
        if stats.sum > 0 {
            Table.write([kinds], width: width, into: &output.pending, usesColor: options.usesColor)
            if let comparisonNote {
                comparisonNote.write(into: &output.pending, usesColor: options.usesColor)
                output.pending.append(0x0A)
            }
            let blocks = [shares, reasons, sizes, course] + active
            Table.write(
                blocks.filter { !$0.rows.isEmpty }, width: width, into: &output.pending, usesColor: options.usesColor)
        }
        try output.flush()
    }

    // MARK: Times

    private func time(_ microseconds: Int64, _ length: Int = 19) -> String {
        String(LocalTime.text(microseconds, zone: options.zone).prefix(length))
    }

    private static func length(_ microseconds: Int64) -> String {
        microseconds < 1_000_000 ? "\(microseconds) µs" : Quantity.age(seconds: UInt64(microseconds / 1_000_000))
    }

    private var heading: [Cell] {
        let (length, isTooLong) = stats.until.subtractingReportingOverflow(stats.since)
        var window = "\(time(stats.since)) to \(time(stats.until))"
        if !isTooLong { window += ", \(Self.length(length))" }
        guard let log = stats.log else {
            return [Cell(window, .heading), Cell("the log holds no events", .dim)]
        }
        var lines = [
            Cell(window, .heading),
            Cell(
                "the log: \(Quantity.count(UInt64(clamping: log.events), "event")), \(time(log.oldest)) to \(time(log.newest))",
                .dim),
        ]
        if stats.isFiltered { lines.append(Cell("only the events that match the conditions given", .dim)) }
        if stats.sum == 0 { lines.append(Cell("no events in this window")) }
        return lines
    }

    // MARK: Kinds

    /// The unit of the rates, chosen so that the total's rate has two or more digits.
    private var rate: (name: String, seconds: Double) {
        let perSecond = stats.ratedMicroseconds > 0 ? Double(stats.sum) / (Double(stats.ratedMicroseconds) / 1e6) : 0
        if perSecond >= 10 { return ("/s", 1) }
        if perSecond * 60 >= 10 { return ("/min", 60) }
        return perSecond * 3600 >= 10 ? ("/h", 3600) : ("/day", 86_400)
    }

    private var kinds: Table {
        let comparison = stats.comparison
        let isWindow = comparison?.since == stats.since
        let rate = rate
        let seconds = Double(stats.ratedMicroseconds) / 1e6
        // Events that begin or end with one of them have no rate.
        var header = ["events", "total", "share"] + (stats.isFiltered && seconds <= 0 ? [] : [rate.name])
        if comparison != nil { header += (isWindow ? [] : ["last day"]) + ["day before", "change"] }
        var block = Table(header: header)
        func add(_ name: String, _ events: Int64, _ style: Style = .plain, _ part: ([Int64]) -> Int64) {
            var cells = [
                Cell(name, style), Cell(Quantity.text(events), style),
                Cell(Quantity.share(events, of: stats.sum), .dim),
            ]
            if seconds > 0 {
                cells.append(Cell(Quantity.number(Double(events) / seconds * rate.seconds)))
            } else if !stats.isFiltered {
                cells.append(Cell("-"))
            }
            if let comparison {
                let (now, before) = (part(comparison.events), part(comparison.before))
                if !isWindow { cells.append(Cell(Quantity.text(now))) }
                cells.append(Cell(Quantity.text(before)))
                cells.append(Cell(comparison.beforeIsWhole ? Quantity.change(from: before, to: now) : "-"))
            }
            block.add(cells)
        }
        for kind in EventKind.allCases {
            // Kinds that cannot match are left out.
            let earlier = comparison.map { $0.before[kind.index] } ?? 0
            if stats.isFiltered && stats.events[kind.index] == 0 && earlier == 0 { continue }
            if kind == .messageEnqueue, !measuresMessages, stats.events[kind.index] == 0 {
                block.add([Cell(kind.name), Cell("not measured", .dim)])
                continue
            }
            add(kind.name, stats.events[kind.index]) { $0[kind.index] }
        }
        add("all", stats.sum, .heading) { $0.reduce(0, &+) }
        return block
    }

    private var comparisonNote: Cell? {
        guard let comparison = stats.comparison else { return nil }
        let day = WindowStats.Comparison.dayMicroseconds
        if !comparison.beforeIsWhole {
            return Cell("the log does not reach back over the whole of the day before", .dim)
        }
        guard comparison.until &- comparison.since < day else { return nil }
        return Cell(
            "the day before: \(time(comparison.since &- day)) to \(time(comparison.until &- day))", .dim)
    }

    // MARK: Shares, sizes, reasons

    private var shares: Table {
        var block = Table("shares")
        func add(_ name: String, _ part: Int64, of whole: Int64, _ style: Style = .plain) {
            guard whole > 0 else { return }
            block.add([
                Cell(name), Cell(Quantity.text(part)),
                Cell(Quantity.share(part, of: whole), part > 0 ? style : .plain),
            ])
        }
        add("sealed messages", stats.single.sealed, of: stats.single.events)
        add("sealed in batches", stats.batch.sealed, of: stats.batch.events)
        add("failed logins", stats.failedLogins, of: stats.events[EventKind.auth.index], .bad)
        add("new channels", stats.newChannels, of: stats.events[EventKind.channelCreated.index])
        add("empty fetches", stats.emptyFetches, of: stats.events[EventKind.fetch.index])
        return block
    }

    private var sizes: Table {
        guard stats.sizes.contains(where: { $0.count > 0 }) || stats.waits.count > 0 else { return Table() }
        var block = Table(header: ["sizes", "p50", "p90", "p99", "sum"])
        func add(_ name: String, _ size: SizeName, sum: String, _ text: (UInt64) -> String) {
            let percentiles = stats.sizes[size.rawValue]
            guard percentiles.count > 0 else { return }
            block.add(
                [Cell(name)]
                    + [percentiles.p50, percentiles.p90, percentiles.p99].map { Cell(text($0)) } + [Cell(sum)])
        }
        add("message payload", .messagePayloadBytes, sum: Quantity.bytes(stats.single.bytes), Quantity.bytes)
        add("batch payload", .batchPayloadBytes, sum: Quantity.bytes(stats.batch.bytes), Quantity.bytes)
        add("messages per batch", .batchMessages, sum: Quantity.text(stats.batch.events), Quantity.grouped)
        add("messages per fetch", .fetchMessages, sum: Quantity.grouped(stats.fetchedMessages), Quantity.grouped)
        if stats.waits.count > 0 {
            let values = [stats.waits.p50, stats.waits.p90, stats.waits.p99]
            block.add([Cell("delivery wait")] + values.map { Cell(Quantity.wait(microseconds: $0)) })
        }
        return block
    }

    /// A bar's maximum width.
    private static let barColumns = 20
    private static let usualSteps = 9
    private static let mostSteps = 400

    private var reasons: Table {
        var block = Table("failed logins by reason", textColumnsAtEnd: 1)
        let most = stats.reasons.first?.events ?? 0
        let shown = max(top, 5)
        // A single remaining reason is shown rather than counted as "1 other".
        let listed = stats.reasons.count <= shown + 1 ? stats.reasons.count : shown
        func add(_ name: Cell, _ events: Int64) {
            let bar = Bars.bar(min(1, Double(events) / Double(most)), width: Self.barColumns / 2)
            block.add([name, Cell(Quantity.text(events)), Cell(bar, .bad)])
        }
        for reason in stats.reasons.prefix(listed) {
            add(reason.text.map { Cell(escaping: $0, limit: 32) } ?? Cell("no reason given", .dim), reason.events)
        }
        let others = stats.reasons.dropFirst(listed)
        if !others.isEmpty {
            let sum = others.reduce(0) { $0 &+ $1.events }
            block.add([Cell("\(others.count) other reasons", .dim), Cell(Quantity.text(sum)), Cell("")])
        }
        return block
    }

    // MARK: Periods

    private var course: Table {
        let course = StatsCourse(stats, zone: options.zone, limit: steps)
        guard let busiest = stats.busiest, let most = course.steps.map(\.events).max() else { return Table() }
        let unit = stats.unit.rawValue
        let length = stats.unit == .day ? 10 : 16
        // Not twice where all events are failed logins.
        let isFailuresOnly = stats.failedLogins == stats.sum
        let failed = isFailuresOnly ? 0 : course.steps.map(\.failedLogins).max() ?? 0
        let events = isFailuresOnly ? "failed logins" : "events"
        let step = course.periods == 1 ? unit : "\(course.periods) \(unit)s"
        let peak = "\(time(busiest.start, length)), \(Quantity.count(UInt64(clamping: busiest.sum), "event"))"
        let title = "\(events) by \(step); busiest \(unit): \(peak)"
        let header = ["from", "events"] + (failed > 0 ? ["", "failed logins"] : [])
        var block = Table(title, header: header, textColumnsAtEnd: max(1, header.count - 2))
        let digits = Quantity.text(failed).utf8.count
        for step in course.steps {
            let bar = Bars.bar(Double(step.events) / Double(most), width: Self.barColumns)
            var cells = [Cell(time(step.start, length)), Cell(Quantity.text(step.events))]
            if failed > 0 || !bar.isEmpty { cells.append(Cell(bar, isFailuresOnly ? .bad : .good)) }
            if failed > 0 {
                let number = Quantity.text(step.failedLogins)
                let blanks = String(repeating: " ", count: digits - number.utf8.count)
                let bar = Bars.bar(Double(step.failedLogins) / Double(failed), width: Self.barColumns / 2)
                cells.append(step.failedLogins > 0 ? Cell("\(blanks)\(number)  \(bar)", .bad) : Cell("\(blanks)\(number)", .dim))
            }
            block.add(cells)
        }
        return block
    }

    // MARK: Most active

    private var active: [Table] {
        var people = ranking("most active identities", .identity, stats.identities)
        for activity in Self.activities(of: stats.identities) {
            people.append(
                [
                    ("sent", Quantity.text(activity.sent)), ("bytes", Quantity.bytes(activity.bytesSent)),
                    ("received", Quantity.text(activity.received)), ("bytes", Quantity.bytes(activity.bytesReceived)),
                    ("fetches", Quantity.text(activity.fetches)),
                ])
        }
        var channels = ranking("most active channels", .channel, stats.channels)
        for activity in Self.activities(of: stats.channels) {
            channels.append(
                [
                    ("messages", Quantity.text(activity.sent)), ("bytes", Quantity.bytes(activity.bytesSent)),
                    ("fetches", Quantity.text(activity.fetches)),
                ])
        }
        let users = ranking("users with most failed logins", .user, stats.failedUsers)
        return [people.table("events"), channels.table("events"), users.table("failed")]
    }

    /// None if nobody sent, received or fetched anything, as where only registrations were asked for.
    private static func activities(of terms: [WindowStats.Term]) -> [WindowStats.Activity] {
        let activities = terms.compactMap(\.activity)
        return activities.contains { $0 != WindowStats.Activity() } ? activities : []
    }

    /// Who is first, and the numbers beside the names.
    private struct Ranking {
        let title: String
        let names: [Cell]
        let events: [Int64]
        private var header: [String] = []
        private var numbers: [[String]] = []

        init(_ title: String, _ names: [Cell], _ events: [Int64]) {
            (self.title, self.names, self.events) = (title, names, events)
        }

        mutating func append(_ columns: [(String, String)]) {
            header = columns.map(\.0)
            numbers.append(columns.map(\.1))
        }

        /// - Parameter unit: what the number of events is called where nothing more is known of them.
        func table(_ unit: String) -> Table {
            guard !names.isEmpty else { return Table() }
            // Of all of them or of none.
            let isSplit = numbers.count == names.count
            var table = Table(header: [title] + (isSplit ? header : [unit]))
            for (index, name) in names.enumerated() {
                table.add([name] + (isSplit ? numbers[index] : [Quantity.text(events[index])]).map { Cell($0) })
            }
            return table
        }
    }

    private func ranking(_ title: String, _ kind: NameKind, _ terms: [WindowStats.Term]) -> Ranking {
        let names = terms.map { term in
            options.person(term.name, kind) { Cell(identity: $0, isFull: options.showsFullIdentities) }
        }
        return Ranking(title, names, terms.map(\.events))
    }
}

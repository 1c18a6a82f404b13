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
    /// How many periods and reasons to show; at least five are shown.
    private let top: Int

    public init(_ stats: WindowStats, options: TableOptions, width: Int, top: Int) {
        self.stats = stats
        self.options = options
        self.width = width
        self.top = top
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
            let blocks = [shares, sizes, reasons, busiest] + active
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
        let isWindow = comparison.since == stats.since
        let rate = rate
        var header = ["events", "total", "share", rate.name]
        if !isWindow { header.append("last day") }
        header += ["day before", "change"]
        var block = Table(header: header)
        func add(_ name: String, _ events: Int64, now: Int64, before: Int64, _ style: Style = .plain) {
            var cells = [
                Cell(name, style), Cell(Quantity.text(events), style),
                Cell(Quantity.share(events, of: stats.sum), .dim),
            ]
            let seconds = Double(stats.ratedMicroseconds) / 1e6
            cells.append(Cell(seconds > 0 ? Quantity.number(Double(events) / seconds * rate.seconds) : "-"))
            if !isWindow { cells.append(Cell(Quantity.text(now))) }
            cells.append(Cell(Quantity.text(before)))
            cells.append(Cell(comparison.beforeIsWhole ? Quantity.change(from: before, to: now) : "-"))
            block.add(cells)
        }
        for kind in EventKind.allCases {
            let index = kind.index
            add(kind.name, stats.events[index], now: comparison.events[index], before: comparison.before[index])
        }
        add(
            "all", stats.sum, now: comparison.events.reduce(0, &+), before: comparison.before.reduce(0, &+), .heading)
        return block
    }

    private var comparisonNote: Cell? {
        let comparison = stats.comparison
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
            block.add([Cell("delivery wait")] + values.map { Cell(Quantity.wait(microseconds: $0)) } + [Cell("")])
        }
        return block
    }

    /// A bar's maximum width.
    private static let barColumns = 20
    /// More bars than this do not fit on a screen.
    private static let barRows = 24

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

    private var busiest: Table {
        let length = stats.unit == .day ? 10 : 16
        let busiest = stats.busiest(min(max(top, 5), Self.barRows))
        guard let first = stats.periods.first, let last = stats.periods.last, let most = busiest.first?.sum else {
            return Table()
        }
        var block = Table("busiest \(stats.unit.rawValue)s", textColumnsAtEnd: 1)
        for period in busiest {
            let bar = Bars.bar(Double(period.sum) / Double(most), width: Self.barColumns)
            block.add([
                Cell(time(period.start, length)), Cell(Quantity.text(period.sum)), Cell(bar, .good),
            ])
        }
        guard first.start < last.start else { return block }
        let ends = [time(first.start, length), time(last.start, length)]
        let line = Bars.line(course(first.start, last.start, columns: max(8, width - 2 * length - 2)))
        block.lead = Cell("\(ends[0]) \(line) \(ends[1])")
        return block
    }

    /// The events of all periods from the first to the last, in at most this many columns.
    private func course(_ first: Int64, _ last: Int64, columns: Int) -> [Double] {
        // A day on which clocks change is an hour shorter or longer.
        let unit = stats.unit.microseconds
        let periods = Int((last - first + unit / 2) / unit) + 1
        var values = [Double](repeating: 0, count: min(columns, periods))
        for period in stats.periods {
            let index = Int((period.start - first + unit / 2) / unit)
            values[min(index * values.count / periods, values.count - 1)] += Double(period.sum)
        }
        return values
    }

    // MARK: Most active

    private var active: [Table] {
        [
            ("most active identities", NameKind.identity, stats.identities), ("most active channels", .channel, stats.channels),
            ("users of most failed logins", .user, stats.failedUsers),
        ].map { title, kind, terms in
            var block = Table(title)
            for term in terms {
                block.add([
                    options.person(term.name, kind) { Cell(identity: $0, isFull: options.showsFullIdentities) },
                    Cell(Quantity.text(term.events)),
                ])
            }
            return block
        }
    }
}

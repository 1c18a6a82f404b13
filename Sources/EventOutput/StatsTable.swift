import MetricsModel
import Readings
import TimeWords

/// A window's sums on one screen, for people. Nothing that came from outside reaches the output raw; see `VisibleText`.
public struct StatsTable {
    private let stats: WindowStats
    private let options: TableOptions
    /// How many columns a line may take.
    private let width: Int
    /// How many periods and reasons are shown, and never fewer than five.
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
            TextBlock.write([kinds], width: width, into: &output.pending, usesColor: options.usesColor)
            if let comparisonNote {
                comparisonNote.write(into: &output.pending, usesColor: options.usesColor)
                output.pending.append(0x0A)
            }
            let blocks = [shares, sizes, reasons, busiest] + subjects
            TextBlock.write(
                blocks.filter { !$0.rows.isEmpty }, width: width, into: &output.pending, usesColor: options.usesColor)
        }
        try output.flush()
    }

    // MARK: Times

    private func time(_ microseconds: Int64, _ length: Int = 19) -> String {
        String(LocalTime.text(microseconds, zone: options.zone).prefix(length))
    }

    /// A window's length in its two largest units.
    private static func length(_ microseconds: Int64) -> String {
        var rest = microseconds / 1_000_000
        if rest == 0 { return "\(microseconds) µs" }
        var parts: [String] = []
        for (unit, seconds) in [("day", 86_400), ("h", 3600), ("min", 60), ("s", 1)] as [(String, Int64)] {
            let count = rest / seconds
            rest %= seconds
            if count > 0 { parts.append("\(count) \(unit)" + (unit == "day" && count > 1 ? "s" : "")) }
            if parts.count == 2 { break }
        }
        return parts.joined(separator: " ")
    }

    private var heading: [TableCell] {
        let (length, isTooLong) = stats.until.subtractingReportingOverflow(stats.since)
        var window = "\(time(stats.since)) to \(time(stats.until))"
        if !isTooLong { window += ", \(Self.length(length))" }
        guard let log = stats.log else {
            return [TableCell(drawing: window, .heading), TableCell("the log holds no events", .dim)]
        }
        var lines = [
            TableCell(drawing: window, .heading),
            TableCell("the log: \(Quantity.text(log.events)) events, \(time(log.oldest)) to \(time(log.newest))", .dim),
        ]
        if stats.sum == 0 { lines.append(TableCell("no events in this window")) }
        return lines
    }

    // MARK: Kinds

    /// By what the rates are: such that the sum's is a number of two digits or more.
    private var rate: (name: String, seconds: Double) {
        let perSecond = stats.ratedMicroseconds > 0 ? Double(stats.sum) / (Double(stats.ratedMicroseconds) / 1e6) : 0
        if perSecond >= 10 { return ("a second", 1) }
        if perSecond * 60 >= 10 { return ("a minute", 60) }
        return perSecond * 3600 >= 10 ? ("an hour", 3600) : ("a day", 86_400)
    }

    private var kinds: TextBlock {
        var block = TextBlock("")
        let comparison = stats.comparison
        let isWindow = comparison.since == stats.since
        let rate = rate
        var header = ["events", "total", "share", rate.name]
        if !isWindow { header.append("last day") }
        header += ["day before", "change"]
        block.add(header.map { TableCell($0, .heading) })
        func add(_ name: String, _ events: Int64, now: Int64, before: Int64, _ style: TerminalStyle = .plain) {
            var cells = [
                TableCell(name, style), TableCell(Quantity.text(events), style),
                TableCell(Quantity.share(events, of: stats.sum), .dim),
            ]
            let seconds = Double(stats.ratedMicroseconds) / 1e6
            cells.append(TableCell(seconds > 0 ? Quantity.rate(Double(events) / seconds * rate.seconds) : "-"))
            if !isWindow { cells.append(TableCell(Quantity.text(now))) }
            cells.append(TableCell(Quantity.text(before)))
            cells.append(TableCell(comparison.beforeIsWhole ? Quantity.change(from: before, to: now) : "-"))
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

    private var comparisonNote: TableCell? {
        let comparison = stats.comparison
        let day = WindowStats.Comparison.dayMicroseconds
        if !comparison.beforeIsWhole {
            return TableCell("the log does not reach back over the whole of the day before", .dim)
        }
        guard comparison.until &- comparison.since < day else { return nil }
        return TableCell(
            "the day before: \(time(comparison.since &- day)) to \(time(comparison.until &- day))", .dim)
    }

    // MARK: Shares, sizes, reasons

    private var shares: TextBlock {
        var block = TextBlock("shares")
        func add(_ name: String, _ part: Int64, of whole: Int64, _ style: TerminalStyle = .plain) {
            guard whole > 0 else { return }
            block.add([
                TableCell(name), TableCell(Quantity.text(part)),
                TableCell(Quantity.share(part, of: whole), part > 0 ? style : .plain),
            ])
        }
        add("sealed messages", stats.single.sealed, of: stats.single.events)
        add("sealed in batches", stats.batch.sealed, of: stats.batch.events)
        add("failed logins", stats.failedLogins, of: stats.events[EventKind.auth.index], .bad)
        add("new channels", stats.newChannels, of: stats.events[EventKind.channelCreated.index])
        add("empty fetches", stats.emptyFetches, of: stats.events[EventKind.fetch.index])
        return block
    }

    private var sizes: TextBlock {
        var block = TextBlock("")
        guard stats.sizes.contains(where: { $0.count > 0 }) else { return block }
        block.add(["sizes", "p50", "p90", "p99", "sum"].map { TableCell($0, .heading) })
        func add(_ name: String, _ size: SizeName, sum: String, _ text: (UInt64) -> String) {
            let percentiles = stats.sizes[size.rawValue]
            guard percentiles.count > 0 else { return }
            block.add(
                [TableCell(name)]
                    + [percentiles.p50, percentiles.p90, percentiles.p99].map { TableCell(text($0)) } + [TableCell(sum)])
        }
        add("message payload", .messagePayloadBytes, sum: Quantity.bytes(stats.single.bytes), Quantity.bytes)
        add("batch payload", .batchPayloadBytes, sum: Quantity.bytes(stats.batch.bytes), Quantity.bytes)
        add("messages a batch", .batchMessages, sum: Quantity.text(stats.batch.events), Quantity.grouped)
        add("messages a fetch", .fetchMessages, sum: Quantity.grouped(stats.fetchedMessages), Quantity.grouped)
        return block
    }

    /// Cells of a bar's column are this wide at most.
    private static let barColumns = 20
    /// More bars than this are no screen.
    private static let barRows = 24

    private var reasons: TextBlock {
        var block = TextBlock("failed logins by reason")
        block.endsWithText = true
        let most = stats.reasons.first?.events ?? 0
        let shown = max(top, 5)
        // One more is shown rather than counted as one other.
        let listed = stats.reasons.count <= shown + 1 ? stats.reasons.count : shown
        func add(_ name: TableCell, _ events: Int64) {
            let bar = BarChart.bar(min(events, most), of: most, width: Self.barColumns / 2)
            block.add([name, TableCell(Quantity.text(events)), TableCell(drawing: bar, .bad)])
        }
        for reason in stats.reasons.prefix(listed) {
            add(reason.text.map { TableCell(text: $0, limit: 32) } ?? TableCell("no reason given", .dim), reason.events)
        }
        let others = stats.reasons.dropFirst(listed)
        if !others.isEmpty {
            let sum = others.reduce(0) { $0 &+ $1.events }
            block.add([TableCell("\(others.count) other reasons", .dim), TableCell(Quantity.text(sum)), TableCell("")])
        }
        return block
    }

    // MARK: Periods

    private var busiest: TextBlock {
        let length = stats.unit == .day ? 10 : 16
        let busiest = stats.busiest(min(max(top, 5), Self.barRows))
        guard let first = stats.periods.first, let last = stats.periods.last, let most = busiest.first?.sum else {
            return TextBlock("")
        }
        var block = TextBlock("busiest \(stats.unit.rawValue)s")
        block.endsWithText = true
        for period in busiest {
            let bar = BarChart.bar(period.sum, of: most, width: Self.barColumns)
            block.add([
                TableCell(time(period.start, length)), TableCell(Quantity.text(period.sum)), TableCell(drawing: bar, .good),
            ])
        }
        guard first.start < last.start else { return block }
        let ends = [time(first.start, length), time(last.start, length)]
        let line = BarChart.line(course(first.start, last.start, columns: max(8, width - 2 * length - 2)))
        block.lead = TableCell(drawing: "\(ends[0]) \(line) \(ends[1])")
        return block
    }

    /// The events of every period from one to another, in at most so many columns.
    private func course(_ first: Int64, _ last: Int64, columns: Int) -> [Int64] {
        // A day on which clocks are set is an hour shorter or longer.
        let unit = stats.unit.microseconds
        let periods = Int((last - first + unit / 2) / unit) + 1
        var values = [Int64](repeating: 0, count: min(columns, periods))
        for period in stats.periods {
            let place = Int((period.start - first + unit / 2) / unit)
            values[min(place * values.count / periods, values.count - 1)] &+= period.sum
        }
        return values
    }

    // MARK: Who

    private var subjects: [TextBlock] {
        [
            ("most active identities", stats.identities), ("most active channels", stats.channels),
            ("users of most failed logins", stats.failedUsers),
        ].map { title, subjects in
            var block = TextBlock(title)
            for subject in subjects {
                block.add([
                    TableCell(name: subject.name, isFull: options.showsFullIdentities),
                    TableCell(Quantity.text(subject.events)),
                ])
            }
            return block
        }
    }
}

extension TableCell {
    /// Text that the log holds, cut to so many columns.
    init(text: [UInt8], limit: Int) {
        self.init("")
        (bytes, columns) = VisibleText.escaped(text, limit: limit)
    }
}

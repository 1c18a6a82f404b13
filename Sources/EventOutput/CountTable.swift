import MetricsModel
import Readings
import Terminal
import TimeWords

/// Groups of events as aligned columns, one line per group. Times are local.
public struct CountTable {
    private let answer: CountAnswer
    private let options: TableOptions
    /// The terminal's columns; nil for a table of whatever width.
    private let width: Int?

    public init(_ answer: CountAnswer, options: TableOptions, width: Int? = nil) {
        self.answer = answer
        self.options = options
        self.width = width
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        guard answer.count > 0 else { return }
        let question = answer.question
        let fields = question.fields
        let headings =
            fields.map { Self.heading($0.rawValue) } + question.measures.map { Self.heading(question.name($0)) }
        // Each line is built twice, to measure it and to write it: there may be too many to keep.
        var isNarrow = false
        func line(_ index: Int) -> [Cell] {
            index < 0 ? headings.map { Cell($0, .heading) } : cells(answer.row(index), isNarrow: isNarrow)
        }
        func measure() -> [Int] {
            var widths = [Int](repeating: 0, count: headings.count)
            for index in -1..<answer.count {
                for (column, cell) in line(index).enumerated() { widths[column] = max(widths[column], cell.columns) }
            }
            return widths
        }
        var widths = measure()
        if let width, widths.reduce(2 * (widths.count - 1), +) > width {
            isNarrow = true
            widths = measure()
        }
        for index in -1..<answer.count {
            let line = line(index)
            for (column, cell) in line.enumerated() {
                if column > 0 { output.pending.append(spaces: 2) }
                let padding = widths[column] - cell.columns
                // What identifies a group is left-aligned, its values are right-aligned.
                let isLeft = column < fields.count
                if !isLeft { output.pending.append(spaces: padding) }
                cell.write(into: &output.pending, usesColor: options.usesColor)
                if isLeft && column < line.count - 1 { output.pending.append(spaces: padding) }
            }
            output.pending.append(0x0A)
            try output.endLine()
        }
        if let rest {
            Cell(rest, .dim).write(into: &output.pending, usesColor: options.usesColor)
            output.pending.append(0x0A)
        }
        try output.flush()
    }

    /// A line about what `--top` left out.
    private var rest: String? {
        let others = answer.matchingGroups - answer.count
        guard others > 0 else { return nil }
        let counted = answer.question.isAboutWaiting ? "message" : "event"
        return "and \(Quantity.count(UInt64(others), "more group")), \(Quantity.count(answer.eventsOfOthers, counted))"
    }

    private static func heading(_ name: String) -> String {
        name.uppercased().map { $0 == "_" ? " " : String($0) }.joined()
    }

    /// - Parameter isNarrow: whether to shorten what can be: pseudonyms to 8 digits, as `events` has them, and times to seconds.
    private func cells(_ row: CountAnswer.Row, isNarrow: Bool) -> [Cell] {
        let question = answer.question
        return zip(question.fields, row.keys).map { cell($0, $1, isNarrow) }
            + zip(question.measures, row.values).map { cell($0, $1, isNarrow) }
    }

    private func identity(_ shown: [UInt8], _ isNarrow: Bool) -> Cell {
        let cell = Cell(identity: shown, isFull: options.showsFullIdentities)
        // Only what is shortened anyway.
        guard isNarrow, shown.count >= 24, cell.columns < shown.count, cell.columns == 13 else { return cell }
        return Cell(String(decoding: shown.prefix(8), as: UTF8.self))
    }

    private func cell(_ field: CountField, _ key: CountAnswer.Key, _ isNarrow: Bool) -> Cell {
        switch key {
        case .absent: Cell("-", .dim)
        case .name(let name):
            field == .reason
                ? Cell(escaping: name)
                : options.person(name, field.people) { identity($0, isNarrow) }
        case .kind(let kind): Cell(kind.name)
        case .failureClass(let failureClass): Cell(failureClass.name)
        case .cause(let cause): Cell(cause.name)
        case .period(let start): Cell(String(LocalTime.text(start, zone: options.zone).prefix(field == .day ? 10 : 16)))
        case .weekday(let day): Cell(Weekday.name(day))
        case .hourOfDay(let hour): Cell((hour < 10 ? "0" : "") + "\(hour):00")
        }
    }

    private func cell(_ measure: CountMeasure, _ value: CountAnswer.Value, _ isNarrow: Bool) -> Cell {
        switch value {
        case .absent: Cell("-", .dim)
        case .number(let number): Cell(answer.question.isSize(measure) ? Quantity.bytes(number) : Quantity.grouped(number))
        case .time(let time): Cell(String(LocalTime.text(time, zone: options.zone).prefix(isNarrow ? 19 : 23)))
        }
    }
}

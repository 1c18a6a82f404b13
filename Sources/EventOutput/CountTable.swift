import MetricsModel
import Readings
import Terminal
import TimeWords

/// Groups of events as aligned columns, one line per group. Times are local.
public struct CountTable {
    private let answer: CountAnswer
    private let options: TableOptions

    public init(_ answer: CountAnswer, options: TableOptions) {
        self.answer = answer
        self.options = options
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        guard answer.count > 0 else { return }
        let question = answer.question
        let fields = question.fields
        let headings =
            fields.map { Self.heading($0.rawValue) } + question.measures.map { Self.heading(question.name($0)) }
        // Each line is built twice, to measure it and to write it: there may be too many to keep.
        func line(_ index: Int) -> [Cell] { index < 0 ? headings.map { Cell($0, .heading) } : cells(answer.row(index)) }
        var widths = [Int](repeating: 0, count: headings.count)
        for index in -1..<answer.count {
            for (column, cell) in line(index).enumerated() { widths[column] = max(widths[column], cell.columns) }
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

    private func cells(_ row: CountAnswer.Row) -> [Cell] {
        let question = answer.question
        return zip(question.fields, row.keys).map(cell) + zip(question.measures, row.values).map(cell)
    }

    private func cell(_ field: CountField, _ key: CountAnswer.Key) -> Cell {
        switch key {
        case .absent: Cell("-", .dim)
        case .name(let name):
            field == .reason
                ? Cell(escaping: name)
                : options.person(name, field.people) { Cell(identity: $0, isFull: options.showsFullIdentities) }
        case .kind(let kind): Cell(kind.name)
        case .failureClass(let failureClass): Cell(failureClass.name)
        case .cause(let cause): Cell(cause.name)
        case .period(let start): Cell(String(LocalTime.text(start, zone: options.zone).prefix(field == .day ? 10 : 16)))
        case .weekday(let day): Cell(Weekday.name(day))
        case .hourOfDay(let hour): Cell((hour < 10 ? "0" : "") + "\(hour):00")
        }
    }

    private func cell(_ measure: CountMeasure, _ value: CountAnswer.Value) -> Cell {
        switch value {
        case .absent: Cell("-", .dim)
        case .number(let number): Cell(answer.question.isSize(measure) ? Quantity.bytes(number) : Quantity.grouped(number))
        case .time(let time): Cell(LocalTime.text(time, zone: options.zone))
        }
    }
}

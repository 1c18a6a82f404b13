import MetricsModel
import Readings
import Terminal

/// Groups of events as comma-separated values, following RFC 4180: a header, and a line per group. Times are UTC; values that a
/// group lacks are empty.
public struct CountCSV {
    private let answer: CountAnswer
    private let names: PeopleNames?

    /// - Parameter names: columns of people get a second one, such as `user_name`.
    public init(_ answer: CountAnswer, names: PeopleNames? = nil) {
        self.answer = answer
        self.names = names
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        let question = answer.question
        let fields = question.fields.flatMap { hasName($0) ? [$0.rawValue, $0.rawValue + "_name"] : [$0.rawValue] }
        let columns = fields + question.measures.map { question.name($0) }
        output.pending.append(Array(columns.joined(separator: ",").utf8))
        output.pending.append(literal: "\r\n")
        for index in 0..<answer.count {
            let row = answer.row(index)
            for (index, key) in row.keys.enumerated() {
                if index > 0 { output.pending.append(0x2C) }
                output.pending.append(Self.text(key, isTerminal: output.isTerminal))
                guard hasName(question.fields[index]) else { continue }
                output.pending.append(0x2C)
                guard let name = question.fields[index].name(of: key, names) else { continue }
                output.pending.append(CSVField.text(name, isTerminal: output.isTerminal))
            }
            for (index, value) in row.values.enumerated() {
                if index + row.keys.count > 0 { output.pending.append(0x2C) }
                switch value {
                case .absent: break
                case .number(let number): output.pending.append(Array("\(number)".utf8))
                case .time(let time): output.pending.append(Array(UTCTime.text(time).utf8))
                }
            }
            output.pending.append(literal: "\r\n")
            try output.endLine()
        }
        try output.flush()
    }

    private func hasName(_ field: CountField) -> Bool { names != nil && field.people != nil }

    private static func text(_ key: CountAnswer.Key, isTerminal: Bool) -> [UInt8] {
        switch key {
        case .absent: []
        case .name(let name): CSVField.text(name, isTerminal: isTerminal)
        case .kind(let kind): Array(kind.name.utf8)
        case .failureClass(let failureClass): Array(failureClass.name.utf8)
        case .cause(let cause): Array(cause.name.utf8)
        case .period(let start): Array(UTCTime.text(start).utf8)
        case .weekday(let day): Array(Weekday.name(day).utf8)
        case .hourOfDay(let hour): Array("\(hour)".utf8)
        }
    }
}

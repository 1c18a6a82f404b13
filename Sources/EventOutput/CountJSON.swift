import MetricsModel
import Readings
import Terminal

/// Groups of events as JSON objects, one per line, in an array or as NDJSON. Times are UTC, and a minute, hour or day is given by
/// its start; values that a group lacks are omitted.
public struct CountJSON {
    private let answer: CountAnswer
    private let isArray: Bool
    private let names: PeopleNames?

    /// - Parameter names: a group that they identify gets a second field, such as `user_name`.
    public init(_ answer: CountAnswer, isArray: Bool, names: PeopleNames? = nil) {
        self.answer = answer
        self.names = names
        self.isArray = isArray
    }

    public func write(into output: OutputBuffer) throws(OutputError) {
        for index in 0..<answer.count {
            if isArray { output.pending.append(literal: index == 0 ? "[\n" : ",\n") }
            // Without the line break, which is written with what follows.
            output.pending.append(Array(JSON.object(fields(answer.row(index))).line.dropLast()))
            if !isArray { output.pending.append(0x0A) }
            try output.endLine()
        }
        if isArray { output.pending.append(literal: answer.count == 0 ? "[]\n" : "\n]\n") }
        try output.flush()
    }

    private func fields(_ row: CountAnswer.Row) -> [(String, JSON)] {
        let question = answer.question
        var fields: [(String, JSON)] = []
        for (field, key) in zip(question.fields, row.keys) {
            if let value = Self.value(key) { fields.append((field.rawValue, value)) }
            if let name = field.name(of: key, names) { fields.append((field.rawValue + "_name", .text(name))) }
        }
        for (measure, value) in zip(question.measures, row.values) {
            switch value {
            case .absent: break
            case .number(let number): fields.append((question.name(measure), .number(number)))
            case .time(let time): fields.append((question.name(measure), .time(time)))
            }
        }
        return fields
    }

    private static func value(_ key: CountAnswer.Key) -> JSON? {
        switch key {
        case .absent: nil
        case .name(let name): .text(name)
        case .kind(let kind): .text(kind.name)
        case .failureClass(let failureClass): .text(failureClass.name)
        case .cause(let cause): .text(cause.name)
        case .period(let start): .time(start)
        case .weekday(let day): .text(Weekday.name(day))
        case .hourOfDay(let hour): .number(hour)
        }
    }
}

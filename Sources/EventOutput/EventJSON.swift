import MetricsModel
import Readings
import Terminal

/// Writes an event as a JSON object on one line, for NDJSON and JSON.
///
/// Fields are in the order of `EventField`; those that the event does not have are omitted.
struct EventJSON {
    private let fields = KindFields()
    private var time = UTCTime()
    var names: PeopleNames?

    /// - Parameter names: fields that they identify get a second one, such as `sender_name`, after all the others.
    init(names: PeopleNames?) { self.names = names }

    mutating func append(_ event: borrowing LoggedEvent, to output: inout ByteBuffer) {
        output.append(literal: EventField.id.jsonKey)
        output.append(id: event.id)
        output.append(literal: EventField.time.jsonKey)
        time.append(event.timeMicroseconds, to: &output)
        output.append(0x22)
        output.append(literal: EventField.kind.jsonKey)
        output.append(literal: event.kind.nameLiteral)
        output.append(0x22)
        let count = fields.count(of: event.kind)
        for index in 0..<count {
            let key = fields[event.kind, index].jsonKey
            switch event.values[index] {
            case .absent: continue
            case .number(let value):
                output.append(literal: key)
                output.append(decimal: value)
            case .flag(let value):
                output.append(literal: key)
                output.append(literal: value ? "true" : "false")
            case .text(let text):
                output.append(literal: key)
                output.append(0x22)
                if text.isPlain {
                    output.append(text)
                } else {
                    JSON.appendEscaped(text.utf8, to: &output)
                }
                output.append(0x22)
            }
        }
        if let names { append(names, event, to: &output) }
        output.append(0x7D)
    }

    private func append(_ names: PeopleNames, _ event: borrowing LoggedEvent, to output: inout ByteBuffer) {
        for index in 0..<fields.count(of: event.kind) {
            let field = fields[event.kind, index]
            guard case .text(let text) = event.values[index], let name = names.name(of: text.utf8, field.names) else { continue }
            output.append(Array(",\"\(field.name)_name\":\"".utf8))
            JSON.appendEscaped(name, to: &output)
            output.append(0x22)
        }
    }
}

/// One JSON array of all events, each on its own line.
public final class JSONWriter: EventWriter {
    private let output: OutputBuffer
    private var json: EventJSON
    private var isEmpty = true

    public init(into output: OutputBuffer, names: PeopleNames? = nil) {
        self.output = output
        json = EventJSON(names: names)
    }

    public func learn(_ names: PeopleNames) { json.names = names }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        output.pending.append(literal: isEmpty ? "[\n" : ",\n")
        isEmpty = false
        json.append(event, to: &output.pending)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) {
        output.pending.append(literal: isEmpty ? "[]\n" : "\n]\n")
        try output.flush()
    }
}

/// One JSON object per line.
public final class NDJSONWriter: EventWriter {
    private let output: OutputBuffer
    private var json: EventJSON

    public init(into output: OutputBuffer, names: PeopleNames? = nil) {
        self.output = output
        json = EventJSON(names: names)
    }

    public func learn(_ names: PeopleNames) { json.names = names }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        json.append(event, to: &output.pending)
        output.pending.append(0x0A)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) { try output.flush() }
}

extension EventField {
    /// What precedes the field's value in a JSON object: constant text, which only needs copying.
    var jsonKey: StaticString {
        switch self {
        case .id: "{\"id\":"
        case .time: ",\"time\":\""
        case .kind: ",\"kind\":\""
        case .sender: ",\"sender\":"
        case .recipient: ",\"recipient\":"
        case .channel: ",\"channel\":"
        case .bytes: ",\"bytes\":"
        case .seq: ",\"seq\":"
        case .batch: ",\"batch\":"
        case .batchSize: ",\"batch_size\":"
        case .user: ",\"user\":"
        case .ok: ",\"ok\":"
        case .reason: ",\"reason\":"
        case .initiator: ",\"initiator\":"
        case .peer: ",\"peer\":"
        case .new: ",\"new\":"
        case .count: ",\"count\":"
        case .identity: ",\"identity\":"
        }
    }
}

import MetricsModel
import Readings
import TimeWords

/// Writes an event as a JSON object on one line; what NDJSON and JSON share.
///
/// Fields are in the order of `EventField`; those that the event does not have are left out.
struct EventJSON {
    private let fields = KindFields()
    private var time = UTCTime()

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
                    EventJSON.appendEscaped(text.utf8, to: &output)
                }
                output.append(0x22)
            }
        }
        output.append(0x7D)
    }

    /// The inside of a JSON string. Besides what RFC 8259 asks for, whatever a terminal should not
    /// see raw is escaped, and bytes that are no UTF-8 become U+FFFD: the result is valid and safe
    /// wherever it goes.
    static func appendEscaped(_ utf8: [UInt8], to output: inout ByteBuffer) {
        var cursor = UTF8Cursor()
        while cursor.position < utf8.count {
            let (scalar, range) = cursor.next(in: utf8)
            switch scalar {
            case nil: output.append(literal: "\u{FFFD}")
            case 0x22: output.append(literal: "\\\"")
            case 0x5C: output.append(literal: "\\\\")
            case 0x08: output.append(literal: "\\b")
            case 0x09: output.append(literal: "\\t")
            case 0x0A: output.append(literal: "\\n")
            case 0x0C: output.append(literal: "\\f")
            case 0x0D: output.append(literal: "\\r")
            case let scalar? where UnsafeScalars.contains(scalar):
                if scalar < 0x10000 {
                    appendEscape(scalar, to: &output)
                } else {
                    appendEscape(0xD800 + (scalar - 0x10000) >> 10, to: &output)
                    appendEscape(0xDC00 + (scalar - 0x10000) & 0x3FF, to: &output)
                }
            default: output.append(utf8, range)
            }
        }
    }

    private static func appendEscape(_ unit: UInt32, to output: inout ByteBuffer) {
        output.append(literal: "\\u")
        for shift in [12, 8, 4, 0] as [UInt32] {
            let digit = UInt8(unit >> shift & 0xF)
            output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}

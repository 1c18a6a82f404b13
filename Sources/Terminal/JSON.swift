import MetricsModel

/// A JSON value whose fields keep their order; valid and safe for a terminal, whatever bytes its texts contain.
public enum JSON {
    case object([(String, JSON)])
    case array([JSON])
    case text([UInt8])
    /// A number, true or false, as written.
    case literal(String)

    public static func text(_ text: String) -> JSON { .text(Array(text.utf8)) }
    public static func number(_ value: some BinaryInteger) -> JSON { .literal("\(value)") }
    public static func bool(_ value: Bool) -> JSON { .literal(value ? "true" : "false") }
    /// UTC, from microseconds since 1970.
    public static func time(_ microseconds: Int64) -> JSON { .text(UTCTime.text(microseconds)) }

    public static func number(_ value: Double) -> JSON { .literal(plainNumber(value)) }

    /// At most six decimals. Small numbers get an exponent, which JSON parsers and awk accept.
    public static func plainNumber(_ value: Double) -> String {
        let rounded = (value * 1e6).rounded() / 1e6
        guard rounded.isFinite, abs(rounded) < 1e15 else { return "0" }
        return rounded == rounded.rounded() ? "\(Int64(saturating: rounded))" : "\(rounded)"
    }

    /// Seconds with three decimals.
    public static func seconds(nanoseconds: UInt64) -> JSON {
        let milliseconds = "\(nanoseconds / 1_000_000 % 1000)"
        let zeros = String(repeating: "0", count: 3 - milliseconds.utf8.count)
        return .literal("\(nanoseconds / 1_000_000_000).\(zeros)\(milliseconds)")
    }

    /// On one line.
    public var line: [UInt8] { bytes(isSpread: false) }

    /// Each field of the outer object on its own line, and likewise each element of the arrays in it.
    public var spread: [UInt8] { bytes(isSpread: true) }

    private func bytes(isSpread: Bool) -> [UInt8] {
        var output = ByteBuffer(capacity: 4096)
        write(into: &output, depth: isSpread ? 0 : 2)
        output.append(0x0A)
        return output.bytes
    }

    private func write(into output: inout ByteBuffer, depth: Int) {
        switch self {
        case .object(let fields):
            let separator = depth == 0 ? Array("\n ".utf8) : []
            output.append(0x7B)
            for (index, (name, value)) in fields.enumerated() {
                if index > 0 { output.append(0x2C) }
                output.append(separator)
                JSON.text(name).write(into: &output, depth: 2)
                output.append(0x3A)
                value.write(into: &output, depth: separator.isEmpty ? 2 : 1)
            }
            if !separator.isEmpty { output.append(0x0A) }
            output.append(0x7D)
        case .array(let elements):
            let isSpread = depth == 1 && !elements.isEmpty
            output.append(0x5B)
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(0x2C) }
                if isSpread { output.append(literal: "\n  ") }
                element.write(into: &output, depth: 2)
            }
            if isSpread { output.append(literal: "\n ") }
            output.append(0x5D)
        case .text(let utf8):
            output.append(0x22)
            JSON.appendEscaped(utf8, to: &output)
            output.append(0x22)
        case .literal(let text): output.append(Array(text.utf8))
        }
    }

    /// A text in quotes.
    public static func quoted(_ text: String) -> String {
        var output = ByteBuffer(capacity: text.utf8.count + 16)
        JSON.text(text).write(into: &output, depth: 2)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// The inside of a JSON string. Escapes what RFC 8259 requires, and also everything that a terminal should not see raw; bytes
    /// that are not UTF-8 become U+FFFD.
    public static func appendEscaped(_ utf8: [UInt8], to output: inout ByteBuffer) {
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

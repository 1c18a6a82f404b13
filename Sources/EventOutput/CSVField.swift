/// A text in comma-separated values.
enum CSVField {
    /// Adds a text that may need quotes. One without a byte is quoted too, to be told from a field that is absent.
    static func append(_ utf8: [UInt8], isTerminal: Bool, to line: inout ByteBuffer) {
        let shown = isTerminal ? VisibleText.escaped(utf8).bytes : utf8
        let needsQuotes =
            shown.isEmpty
            || shown.contains { $0 == 0x22 || $0 == 0x2C || $0 < 0x20 || $0 == 0x7F }
            || shown.first == 0x20 || shown.last == 0x20
        if needsQuotes { line.append(0x22) }
        var cursor = UTF8Cursor()
        while cursor.position < shown.count {
            let (scalar, range) = cursor.next(in: shown)
            switch scalar {
            case nil: line.append(literal: "\u{FFFD}")
            case 0x22: line.append(literal: "\"\"")
            default: line.append(shown, range)
            }
        }
        if needsQuotes { line.append(0x22) }
    }

    static func text(_ utf8: [UInt8], isTerminal: Bool) -> [UInt8] {
        var field = ByteBuffer(capacity: utf8.count + 16)
        append(utf8, isTerminal: isTerminal, to: &field)
        return field.bytes
    }
}

import MetricsModel
import Readings
import Terminal

/// When comma-separated values begin with a heading: the parts of a file that is written by one run after another have one in
/// all.
public enum CSVHeading: Sendable {
    case always
    /// If there is an event: the file's first part.
    case withEvents
    /// A later part.
    case never
}

/// Comma-separated values following RFC 4180: a header, lines ending in CR LF, and a column for every field.
///
/// A field that an event does not have is empty. Texts are written as they are, quoted where the format requires it, with U+FFFD
/// for bytes that are not UTF-8. On a terminal, control characters are shown as escapes, as in a table.
public final class CSVWriter: EventWriter {
    private let output: OutputBuffer
    private let fields = KindFields()
    private var time = UTCTime()
    private let heading: CSVHeading
    private var hasHeader: Bool
    private var names: PeopleNames?

    private static let lastColumn = EventField.allCases.count - 1
    /// With names, each of these gets another column, after all the others.
    private static let people = EventField.allCases.filter { $0.names == .user || $0.names == .identity }

    public init(into output: OutputBuffer, names: PeopleNames? = nil, heading: CSVHeading = .always) {
        self.output = output
        self.names = names
        self.heading = heading
        hasHeader = heading == .never
    }

    /// Only of a writer that was given names before: they have columns.
    public func learn(_ names: PeopleNames) { if self.names != nil { self.names = names } }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        if !hasHeader { appendHeader() }
        append(event, to: &output.pending)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) {
        if !hasHeader && heading == .always { appendHeader() }
        try output.flush()
    }

    private func appendHeader() {
        hasHeader = true
        let columns = EventField.allCases.map(\.name) + (names == nil ? [] : Self.people.map { $0.name + "_name" })
        output.pending.append(Array(columns.joined(separator: ",").utf8))
        output.pending.append(literal: "\r\n")
    }

    private func append(_ event: borrowing LoggedEvent, to line: inout ByteBuffer) {
        line.append(id: event.id)
        line.append(0x2C)
        time.append(event.timeMicroseconds, to: &line)
        line.append(0x2C)
        line.append(literal: event.kind.nameLiteral)
        var column = EventField.kind.rawValue
        let count = fields.count(of: event.kind)
        for index in 0..<count {
            let field = fields[event.kind, index].rawValue
            CSVWriter.appendCommas(field &- column, to: &line)
            column = field
            switch event.values[index] {
            case .absent: break
            case .number(let value): line.append(decimal: value)
            case .flag(let value): line.append(literal: value ? "true" : "false")
            case .text(let text):
                if text.isPlain {
                    line.append(text)
                } else {
                    append(text.utf8, to: &line)
                }
            }
        }
        CSVWriter.appendCommas(CSVWriter.lastColumn &- column, to: &line)
        if let names { append(names, event, to: &line) }
        line.append(literal: "\r\n")
    }

    private func append(_ names: PeopleNames, _ event: borrowing LoggedEvent, to line: inout ByteBuffer) {
        for field in Self.people {
            line.append(0x2C)
            guard let index = event.kind.fields.firstIndex(of: field), case .text(let text) = event.values[index] else {
                continue
            }
            if let name = names.name(of: text.utf8, field.names) { append(name, to: &line) }
        }
    }

    private static func appendCommas(_ count: Int, to line: inout ByteBuffer) {
        for _ in 0..<count { line.append(0x2C) }
    }

    private func append(_ utf8: [UInt8], to line: inout ByteBuffer) {
        CSVField.append(utf8, isTerminal: output.isTerminal, to: &line)
    }
}

/// A text as a CSV field.
public enum CSVField {
    /// Appends a text, quoted if necessary. An empty text is quoted too, to distinguish it from an absent field.
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

    /// The whole field. For a terminal, anything it should not see raw is escaped.
    public static func text(_ utf8: [UInt8], isTerminal: Bool) -> [UInt8] {
        var field = ByteBuffer(capacity: utf8.count + 16)
        append(utf8, isTerminal: isTerminal, to: &field)
        return field.bytes
    }
}

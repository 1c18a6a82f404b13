import MetricsModel
import Readings
import Terminal
import TimeWords

/// How a table looks.
public struct TableOptions: Sendable {
    public var usesColor: Bool
    /// Whether identities, channels and pseudonyms are shown in full, rather than only their first 12 digits.
    public var showsFullIdentities: Bool
    /// The zone of the printed times.
    public var zone: ClockZone
    public var isUTC = false
    /// Names to show beside pseudonyms and keys.
    public var names: PeopleNames?
    /// The terminal's columns, for one line per event, cut to fit; nil for aligned columns of whatever width.
    public var columns: Int?

    public init(usesColor: Bool, showsFullIdentities: Bool, zone: ClockZone = .local) {
        self.usesColor = usesColor
        self.showsFullIdentities = showsFullIdentities
        self.zone = zone
    }

    /// Defaults that suit the output: short identities on a terminal, so that lines fit; full ones elsewhere, so that a value cut
    /// from a line can be searched for.
    public init(for output: OutputBuffer, color: ColorChoice, environment: (String) -> String?) {
        self.init(
            usesColor: color.isWanted(isTerminal: output.isTerminal, environment: environment),
            showsFullIdentities: !output.isTerminal)
    }
}

extension TableOptions {
    /// A person, with the name if it is known: `user 86d952d7… (alice)`.
    ///
    /// - Parameter isMarked: whether to distinguish a user's pseudonym from a key's, for a column that can hold both.
    func person(_ shown: [UInt8], _ kind: NameKind?, isMarked: Bool = false, cell: ([UInt8]) -> Cell) -> Cell {
        let isPseudonym = shown.count == 2 * Self.pseudonymBytes && shown.allSatisfy(Self.isDigit)
        var person = isMarked && kind == .user && isPseudonym ? Cell("user ") : Cell("")
        person.append(cell(shown))
        if let name = names?.name(of: shown, kind), name != shown {
            person.append(" (")
            person.append(Cell(escaping: name, limit: 32))
            person.append(")")
        }
        return person
    }

    private static let pseudonymBytes = 16
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
}

/// Aligned columns for people, below a heading written with the first event.
///
/// Lines are printed as events come, so column widths cannot be known in advance: they start at the usual width and grow as
/// needed. No text of an event reaches the output raw; see `VisibleText`.
public final class TableWriter: EventWriter {
    private let output: OutputBuffer
    private var options: TableOptions
    /// For all columns except the last, which needs none.
    private var widths: [Int]
    private var hasHeading = false

    /// No column grows beyond this; a wider cell only shifts the rest of its line.
    private static let widestColumn = 64

    public init(into output: OutputBuffer, options: TableOptions) {
        self.output = output
        self.options = options
        let identity = options.showsFullIdentities ? 32 : 13
        let kind = EventKind.allCases.map(\.name.utf8.count).max() ?? 0
        // A user's pseudonym is marked as one, unlike a key's.
        widths = [8, 23, kind, identity + (options.showsFullIdentities ? 5 : 0), identity, identity]
    }

    public func learn(_ names: PeopleNames) { options.names = names }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        if !hasHeading {
            hasHeading = true
            append(EventRow.headings(isUTC: options.isUTC).map { Cell($0, .heading) })
        }
        append(EventRow(copy event, options: options).cells)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) { try output.flush() }

    private func append(_ cells: [Cell]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { output.pending.append(spaces: 2) }
            guard index < widths.count else {
                cell.write(into: &output.pending, usesColor: options.usesColor)
                continue
            }
            widths[index] = max(widths[index], min(cell.columns, TableWriter.widestColumn))
            let padding = widths[index] - cell.columns
            // Only the id is a number, and therefore right-aligned.
            if index == 0 { output.pending.append(spaces: padding) }
            cell.write(into: &output.pending, usesColor: options.usesColor)
            if index > 0 { output.pending.append(spaces: padding) }
        }
        output.pending.append(0x0A)
    }
}

/// An event as the cells of a line.
struct EventRow {
    private(set) var cells: [Cell]

    static func headings(isUTC: Bool) -> [String] {
        ["ID", isUTC ? "UTC TIME" : "LOCAL TIME", "KIND", "WHO", "PEER", "CHANNEL", "DETAILS"]
    }

    init(_ event: LoggedEvent, options: TableOptions) {
        let fields = EventFields(event)
        let isFull = options.showsFullIdentities
        func identity(_ field: EventField) -> Cell {
            guard let text = fields.text(field) else { return Cell("-", .dim) }
            return options.person(text.utf8, field.names, isMarked: true) { Cell(identity: $0, isFull: isFull) }
        }
        let none = Cell("-", .dim)
        var who = none
        var peer = none
        var details: Cell
        var kindStyle = Style.plain
        switch event.kind {
        case .messageEnqueue, .batchEnqueue:
            who = identity(.sender)
            peer = identity(.recipient)
            details = EventRow.message(fields)
        case .auth:
            who = identity(.user)
            details = EventRow.auth(fields)
            kindStyle = details.style == .bad ? .bad : .plain
        case .channelCreated:
            who = identity(.initiator)
            peer = identity(.peer)
            let isNew = fields.flag(.new) ?? false
            details = Cell(isNew ? "new" : "existing", isNew ? .good : .plain)
        case .fetch:
            who = identity(.recipient)
            details = Cell(Quantity.count(fields.number(.count) ?? 0, "message"))
        case .userRegistered:
            who = identity(.user)
            details = Cell("registered", .good)
            if fields.text(.identity) != nil {
                details.append(", identity ")
                details.append(identity(.identity))
            }
        }
        cells = [
            Cell(String(event.id)),
            Cell(LocalTime.text(event.timeMicroseconds, zone: options.zone), .dim),
            Cell(event.kind.name, kindStyle),
            who, peer, identity(.channel), details,
        ]
    }

    private static func message(_ fields: EventFields) -> Cell {
        var cell = Cell("\(fields.number(.bytes) ?? 0) B")
        if let seq = fields.number(.seq) { cell.append(", seq \(seq)") }
        if let batch = fields.number(.batch) {
            cell.append(", batch \(batch)")
            if let size = fields.number(.batchSize) { cell.append(" of \(Quantity.count(size, "message"))") }
        }
        return cell
    }

    private static func auth(_ fields: EventFields) -> Cell {
        let isOK = fields.flag(.ok) ?? false
        var cell = Cell(isOK ? "ok" : "failed", isOK ? .good : .bad)
        if let reason = fields.text(.reason), !reason.utf8.isEmpty {
            cell.append(": ")
            cell.append(Cell(escaping: reason.utf8))
        }
        return cell
    }
}

/// An event's values by field, for writers that pick some rather than list all.
struct EventFields {
    private let event: LoggedEvent

    init(_ event: LoggedEvent) { self.event = event }

    func text(_ field: EventField) -> InternedText? {
        if case .text(let text) = self[field] { return text }
        return nil
    }

    func number(_ field: EventField) -> UInt64? {
        if case .number(let number) = self[field] { return number }
        return nil
    }

    func flag(_ field: EventField) -> Bool? {
        if case .flag(let flag) = self[field] { return flag }
        return nil
    }

    private subscript(_ field: EventField) -> FieldValue {
        guard let index = event.kind.fields.firstIndex(of: field) else { return .absent }
        return event.values[index]
    }
}

import MetricsModel
import Readings
import TimeWords

/// An event as the cells of a table's line: id, time, kind, who acted, with or to whom, the
/// channel, the rest.
struct EventRow {
    private(set) var cells: [TableCell]

    static let headings = ["ID", "LOCAL TIME", "KIND", "WHO", "PEER", "CHANNEL", "DETAILS"]

    init(_ event: LoggedEvent, options: TableOptions) {
        let fields = EventFields(event)
        let isFull = options.showsFullIdentities
        func identity(_ field: EventField) -> TableCell {
            guard let text = fields.text(field) else { return TableCell("-", .dim) }
            return TableCell(identity: text, isFull: isFull)
        }
        let none = TableCell("-", .dim)
        var who = none
        var peer = none
        var details: TableCell
        var kindStyle = TerminalStyle.plain
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
            details = TableCell(isNew ? "new" : "existing", isNew ? .good : .plain)
        case .fetch:
            who = identity(.recipient)
            details = TableCell(EventRow.counted(fields.number(.count) ?? 0, "message"))
        case .userRegistered:
            who = identity(.user)
            details = TableCell("registered", .good)
            if fields.text(.identity) != nil {
                details.append(", identity ")
                details.append(identity(.identity))
            }
        }
        cells = [
            TableCell(String(event.id)),
            TableCell(LocalTime.text(event.timeMicroseconds, zone: options.zone), .dim),
            TableCell(event.kind.name, kindStyle),
            who, peer, identity(.channel), details,
        ]
    }

    private static func message(_ fields: EventFields) -> TableCell {
        var cell = TableCell("\(fields.number(.bytes) ?? 0) B")
        if let seq = fields.number(.seq) { cell.append(", seq \(seq)") }
        if let batch = fields.number(.batch) {
            cell.append(", batch \(batch)")
            if let size = fields.number(.batchSize) {
                cell.append(" of \(counted(size, "message"))")
            }
        }
        return cell
    }

    private static func auth(_ fields: EventFields) -> TableCell {
        let isOK = fields.flag(.ok) ?? false
        var cell = TableCell(isOK ? "ok" : "failed", isOK ? .good : .bad)
        if let reason = fields.text(.reason), !reason.utf8.isEmpty {
            cell.append(": ")
            cell.append(reason)
        }
        return cell
    }

    private static func counted(_ count: UInt64, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

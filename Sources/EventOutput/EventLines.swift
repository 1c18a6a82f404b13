import MetricsModel
import Readings
import Terminal
import TimeWords

/// Events on a terminal: one line each, cut to fit, phrased with verbs, with a heading for each day.
///
///     ── Sunday 2026-11-22, local time
///     14:13:19.643  message       5bf8ba8d → 10be6ed1  #cc49e1d0  572 B
///     14:13:19.798  LOGIN FAILED  mallory  rate limited
///
/// Identities are cut to their first digits, as many as fit; `--identity` and `--channel` accept them in this form. No text of an
/// event reaches the output raw; see `VisibleText`.
final class EventLinesWriter: EventWriter {
    private let output: OutputBuffer
    private var options: TableOptions
    private let columns: Int
    /// The day of the newest heading, in days since 1970 by the zone's clocks.
    private var day: Int64?

    /// A longer name would push what follows off the line.
    private static let widestName = 24
    private static let verbColumns = 12

    init(into output: OutputBuffer, options: TableOptions, columns: Int) {
        self.output = output
        self.options = options
        self.columns = max(40, columns)
    }

    func learn(_ names: PeopleNames) { options.names = names }

    /// 12 digits are enough to tell apart the identities of any log, 8 those on one screen.
    private var digits: Int { columns >= 110 ? 12 : 8 }

    func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        let time = LocalTime.text(event.timeMicroseconds, zone: options.zone)
        try turn(to: event.timeMicroseconds, time)
        var line = Cell(String(time.dropFirst(11)), .dim)
        write(&line)
        let (verb, style, parts) = words(EventFields(copy event), event.kind)
        var used = 12
        func put(_ cell: Cell, gap: Int) {
            output.pending.append(spaces: gap)
            cell.write(into: &output.pending, usesColor: options.usesColor)
            used += gap + cell.columns
        }
        put(Cell(verb + String(repeating: " ", count: max(0, Self.verbColumns - verb.count)), style), gap: 2)
        for part in parts {
            let room = columns - used - 2
            guard room > 0 else { break }
            if part.columns <= room {
                put(part, gap: 2)
            } else if part.style == .dim {
                // Useless when truncated.
                continue
            } else {
                put(Cell(escaping: part.bytes, limit: room), gap: 2)
                break
            }
        }
        output.pending.append(0x0A)
        try output.endLine()
    }

    func flush() throws(OutputError) { try output.flush() }
    func finish() throws(OutputError) { try output.flush() }

    private func write(_ cell: inout Cell) { cell.write(into: &output.pending, usesColor: options.usesColor) }

    private func turn(to microseconds: Int64, _ time: String) throws(OutputError) {
        let second = CivilDate.floorDivide(microseconds, 1_000_000)
        let today = CivilDate.floorDivide(second + options.zone.offsetSeconds(second), 86_400)
        guard today != day else { return }
        day = today
        let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        let name = names[CivilDate(daysSince1970: today).weekday]
        var heading = Cell("── \(name) \(time.prefix(10)), \(options.isUTC ? "UTC" : "local time")", .heading)
        write(&heading)
        output.pending.append(0x0A)
        try output.endLine()
    }

    private func identity(_ fields: EventFields, _ field: EventField, prefix: String = "") -> Cell? {
        guard let text = fields.text(field) else { return nil }
        var cell = Cell(prefix)
        cell.append(options.person(text.utf8, field.names, isMarked: true) { short($0) })
        return cell
    }

    private func short(_ utf8: [UInt8]) -> Cell {
        let isHex = utf8.count >= 24 && utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isHex ? Cell(String(decoding: utf8.prefix(digits), as: UTF8.self)) : Cell(escaping: utf8, limit: Self.widestName)
    }

    private func pair(_ one: Cell?, _ arrow: String, _ other: Cell?, without: String) -> Cell {
        var cell = one ?? Cell(without, .dim)
        cell.append(arrow)
        cell.append(other ?? Cell("-", .dim))
        return cell
    }

    private func words(_ fields: EventFields, _ kind: EventKind) -> (verb: String, style: Style, parts: [Cell]) {
        let channel = identity(fields, .channel, prefix: "#")
        switch kind {
        case .messageEnqueue, .batchEnqueue:
            let people = pair(
                identity(fields, .sender), " → ", identity(fields, .recipient), without: "sealed sender")
            var parts = [people, channel, Cell(Quantity.bytes(fields.number(.bytes) ?? 0))]
            if let batch = fields.number(.batch) {
                parts.append(Cell("batch \(batch) of \(fields.number(.batchSize) ?? 0)", .dim))
            }
            return ("message", .plain, parts.compactMap(\.self))
        case .auth:
            let isOK = fields.flag(.ok) ?? false
            let user = identity(fields, .user) ?? Cell("-", .dim)
            let reason = fields.text(.reason).map { Cell(escaping: $0.utf8) }
            return (isOK ? "login" : "LOGIN FAILED", isOK ? .plain : .bad, [user, reason].compactMap(\.self))
        case .channelCreated:
            let isNew = fields.flag(.new) ?? false
            let people = pair(identity(fields, .initiator), " + ", identity(fields, .peer), without: "-")
            return (isNew ? "new channel" : "channel", .plain, [people, channel].compactMap(\.self))
        case .fetch:
            let count = fields.number(.count) ?? 0
            let what = count == 0 ? Cell("nothing", .dim) : Cell(Quantity.count(count, "message"))
            return ("fetch", .plain, [identity(fields, .recipient), channel, what].compactMap(\.self))
        case .userRegistered:
            let user = identity(fields, .user) ?? Cell("-", .dim)
            return ("registered", .good, [user, identity(fields, .identity, prefix: "key ")].compactMap(\.self))
        }
    }
}

import MetricsModel
import Readings

/// An event's values by their fields' names; for writers that pick, and not for those that list.
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
        guard let index = EventField.fields(of: event.kind).firstIndex(of: field) else { return .absent }
        return event.values[index]
    }
}

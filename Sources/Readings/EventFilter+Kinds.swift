import MetricsModel

extension EventFilter {
    /// Whether events of a kind can match.
    public func holds(_ kind: EventKind) -> Bool {
        guard kinds.isEmpty || kinds.contains(kind) else { return false }
        if isAboutLogins && kind != .auth { return false }
        let fields = kind.fields
        if minBytes != nil && !fields.contains(.bytes) { return false }
        if sender != nil && !fields.contains(.sender) { return false }
        if recipient != nil && !fields.contains(.recipient) { return false }
        return true
    }

    /// Whether only logins can match.
    public var isAboutLogins: Bool { failedOnly || okOnly || reason != nil || failureClass != nil }

    /// Whether every event of its times matches.
    public var isEverything: Bool { kinds.isEmpty && !isAboutLogins && isAboutTime && newest == nil }

    /// Whether it asks only for times, kinds, and whether logins failed: what the segments' sums can answer.
    public var isAboutTime: Bool {
        user == nil && identity == nil && channel == nil && sender == nil && recipient == nil && reason == nil
            && failureClass == nil && minBytes == nil && afterID == nil && beforeID == nil
    }
}

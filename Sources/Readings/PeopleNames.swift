import MetricsModel

/// Names of people, by what the log has in their place: pseudonyms, or keys in hexadecimal. From an operator's list of names; the
/// log has none.
public struct PeopleNames: Sendable {
    private var users: [[UInt8]: [UInt8]] = [:]
    private var keys: [[UInt8]: [UInt8]] = [:]

    public init() {}

    public var isEmpty: Bool { users.isEmpty && keys.isEmpty }

    /// - Parameter shown: a user or a key as the log's readers show it. The first name that it gets is kept.
    public mutating func add(_ name: [UInt8], _ kind: NameKind, shown: [UInt8]) {
        if kind == .user {
            if users[shown] == nil { users[shown] = name }
        } else if keys[shown] == nil {
            keys[shown] = name
        }
    }

    /// Nil for nobody in the list, and for what is no person: a channel, a reason.
    public func name(of shown: [UInt8], _ kind: NameKind?) -> [UInt8]? {
        switch kind {
        case .user: users[shown]
        case .identity: keys[shown]
        case .channel, .reason, nil: nil
        }
    }
}

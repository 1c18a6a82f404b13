import MetricsModel

/// People's names, keyed by what the log has instead: pseudonyms, or keys in hexadecimal. They come from an operator's list; the
/// log has none.
public struct PeopleNames: Sendable {
    private var users: [[UInt8]: [UInt8]] = [:]
    private var keys: [[UInt8]: [UInt8]] = [:]

    public init() {}

    public var isEmpty: Bool { users.isEmpty && keys.isEmpty }

    /// - Parameter shown: a user or a key as the log's readers display it. Only the first name given to it is kept.
    public mutating func add(_ name: [UInt8], _ kind: NameKind, shown: [UInt8]) {
        if kind == .user {
            if users[shown] == nil { users[shown] = name }
        } else if keys[shown] == nil {
            keys[shown] = name
        }
    }

    /// Nil for anyone not in the list, and for anything that is not a person: a channel or a reason.
    public func name(of shown: [UInt8], _ kind: NameKind?) -> [UInt8]? {
        switch kind {
        case .user: users[shown]
        case .identity: keys[shown]
        case .channel, .reason, nil: nil
        }
    }
}

import MetricsModel

// From names back to values. Comparing strings needs Unicode tables, which the plugin does not carry.

extension EventKind {
    /// The kind with that name, or nil.
    public init?(name: String) {
        for kind in EventKind.allCases where kind.name == name {
            self = kind
            return
        }
        return nil
    }
}

extension IdentityMode {
    public init?(name: String) {
        for mode in IdentityMode.allCases where mode.name == name {
            self = mode
            return
        }
        return nil
    }
}

/// What `--color` says.
public enum ColorChoice: String, CaseIterable, Sendable {
    /// Colour on a terminal that can show it, unless `NO_COLOR` is set to anything but nothing.
    case auto
    case always
    case never

    /// Source: https://no-color.org
    public func isWanted(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        switch self {
        case .always: return true
        case .never: return false
        case .auto:
            guard isTerminal && environment("NO_COLOR") ?? "" == "" else { return false }
            return environment("TERM") ?? "" != "dumb"
        }
    }
}

/// The few ways in which a table's text stands out on a terminal.
enum TerminalStyle {
    case plain
    case heading
    case dim
    case good
    case bad

    /// The control sequence that begins it; the terminal's own colours, so that every theme stays
    /// readable.
    var sequence: StaticString {
        switch self {
        case .plain: ""
        case .heading: "\u{1B}[1m"
        case .dim: "\u{1B}[2m"
        case .good: "\u{1B}[32m"
        case .bad: "\u{1B}[31m"
        }
    }

    static let end: StaticString = "\u{1B}[0m"
}

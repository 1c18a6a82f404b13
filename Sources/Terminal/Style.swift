import Glibc

/// The few ways to make text stand out on a terminal.
public enum Style: Sendable {
    case plain
    case heading
    case dim
    case good
    case bad

    /// The control sequence that starts it; uses the terminal's own colours, so that every theme stays readable.
    public func sequence(_ palette: Palette) -> StaticString {
        switch (palette, self) {
        case (.none, _), (_, .plain), (.weight, .good): ""
        case (_, .heading), (.weight, .bad): "\u{1B}[1m"
        case (_, .dim): "\u{1B}[2m"
        case (.color, .good): "\u{1B}[32m"
        case (.color, .bad): "\u{1B}[31m"
        }
    }

    public static let end: StaticString = "\u{1B}[0m"
}

/// What may be sent to a terminal.
public enum Palette: Sendable {
    /// Plain text, as for a pipe.
    case none
    /// Bold and faint only, for a terminal whose user wants no colour.
    case weight
    case color
}

/// The values of `--color`.
public enum ColorChoice: String, CaseIterable, Sendable {
    /// Colour on a terminal that supports it, unless `NO_COLOR` is set and not empty.
    case auto
    case always
    case never

    /// Source: https://no-color.org
    public func isWanted(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto: isTerminal && environment("NO_COLOR") ?? "" == "" && environment("TERM") ?? "" != "dumb"
        }
    }
}

/// The size of a terminal.
public enum TerminalSize {
    /// For an output that is not a terminal, or a terminal that does not report its size.
    public static let standard = (columns: 80, rows: 24)

    public static func of(_ fileDescriptor: Int32 = STDOUT_FILENO) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(fileDescriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return standard }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

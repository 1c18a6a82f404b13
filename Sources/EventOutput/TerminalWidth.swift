import Glibc

/// How many columns a line may take.
public enum TerminalWidth {
    /// For an output that is no terminal.
    public static let standard = 80

    /// The terminal's own; of no terminal, or of one that does not say, the standard's.
    public static func columns(of fileDescriptor: Int32 = STDOUT_FILENO) -> Int {
        var size = winsize()
        // SAFETY: the size lives on this stack for the call.
        guard unsafe ioctl(fileDescriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return standard }
        return Int(size.ws_col)
    }
}

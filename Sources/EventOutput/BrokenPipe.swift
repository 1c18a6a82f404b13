import Glibc

/// The conventional end of a program whose reader has left.
public enum BrokenPipe {
    /// Ends the process without a word, by SIGPIPE, so that a shell sees status 141 as from any
    /// other tool.
    ///
    /// The signal may have been ignored by whoever started the process; then only the status tells.
    public static func end() -> Never {
        // Raise returns only if the signal is blocked.
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        _exit(128 + SIGPIPE)
    }
}

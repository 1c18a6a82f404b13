import Glibc

/// Why output could not be written.
public enum OutputError: Error, Equatable, CustomStringConvertible {
    /// The reader has closed its end of the pipe, as `head` does: no failure, only the end. See
    /// `BrokenPipe`.
    case readerGone
    case failed(errno: Int32)

    public var description: String {
        switch self {
        case .readerGone: "nobody reads the output any more"
        // SAFETY: strerror returns a valid string for every number.
        case .failed(let number):
            unsafe "cannot write the output: \(String(cString: strerror(number)))"
        }
    }
}

import Glibc
import Terminal

/// One line on standard error.
enum Notice {
    static func say(_ message: String) {
        let shown = message.unicodeScalars.map { UnsafeScalars.contains($0.value) ? "?" : String($0) }.joined()
        StandardError.write("qpc-metrics: \(shown)\n")
    }
}

/// Notices and progress; write errors are ignored.
enum StandardError {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Whole texts on standard output.
enum StandardOutput {
    /// The columns that sentences have to fit; nil if the output is not a terminal, where a line is as long as it is.
    static var columns: Int? { isatty(STDOUT_FILENO) == 1 ? TerminalSize.of().columns : nil }

    static func write(_ bytes: [UInt8]) throws {
        let output = OutputBuffer()
        try printing { () throws(OutputError) in
            try output.write(bytes)
            try output.flush()
        }
    }

    static func write(_ text: String) throws { try write(Array(text.utf8)) }
}

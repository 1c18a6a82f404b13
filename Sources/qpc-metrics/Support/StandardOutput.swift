import EventOutput
import Glibc

/// Whole texts on standard output.
enum StandardOutput {
    static func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress! + sent, $0.count - sent) }
            if count >= 0 {
                sent += count
            } else if errno == EPIPE {
                BrokenPipe.end()
            } else if errno != EINTR {
                throw Failure(
                    Failure.somethingWrong, "cannot write the output: \(String(cString: strerror(errno)))")
            }
        }
    }

    static func write(_ text: String) throws { try write(Array(text.utf8)) }
}

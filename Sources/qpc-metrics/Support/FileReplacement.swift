import Glibc

/// Replaces a file atomically: a reader finds the old one or the new one, never part of one. What is not a file, such as a
/// device or a pipe, is written to instead.
enum FileReplacement {
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        try replace(path) { descriptor in
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, $0.count - sent) }
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw failure("write", path + ".new") }
                sent += count
            }
        }
    }

    /// - Parameter body: writes the new content to a file descriptor. If it throws, the old file stays as it is.
    static func replace(_ path: String, by body: (Int32) throws -> Void) throws {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { return try send(to: path, by: body) }
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        do {
            try body(descriptor)
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        fchmod(descriptor, 0o644)
        close(descriptor)
        guard rename(temporary, path) == 0 else {
            let failure = failure("replace", path)
            unlink(temporary)
            throw failure
        }
    }

    private static func send(to path: String, by body: (Int32) throws -> Void) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("write", path) }
        defer { close(descriptor) }
        try body(descriptor)
    }

    private static func failure(_ operation: String, _ path: String) -> Failure {
        Failure(Failure.somethingWrong, "cannot \(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

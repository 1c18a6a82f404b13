import EventSearch
import Glibc
import Terminal

/// The file in which `events --cursor-file` keeps the last event that it printed: its id, and its time in microseconds since
/// 1970, which tells apart logs that have the same ids.
struct CursorFile {
    let path: String

    /// Nil if there is no such file yet.
    ///
    /// - Throws: `Failure` if it cannot be read, or holds something else.
    func read() throws -> LogPosition? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT {
            try requirePlace()
            return nil
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = descriptor < 0 ? -1 : Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            throw Failure(
                errno == EACCES ? Failure.noPermission : Failure.somethingWrong,
                "cannot read --cursor-file \(path): \(String(cString: strerror(errno)))")
        }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let numbers = text.split(separator: "\n").first?.split(separator: " ").map { Int64($0) } ?? []
        guard numbers.count == 2, let id = numbers[0], let time = numbers[1], text.hasSuffix("\n") else {
            throw Failure(
                Failure.usage, "--cursor-file \(path) is not a valid cursor file; to begin at the start of the log, remove it")
        }
        return LogPosition(id: id, timeMicroseconds: time)
    }

    /// Found out before anything is printed that would be printed again.
    private func requirePlace() throws {
        let directory = path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
        guard access(directory, W_OK | X_OK) != 0 else { return }
        throw Failure(
            errno == EACCES ? Failure.noPermission : Failure.noInput,
            "cannot create --cursor-file \(path): \(String(cString: strerror(errno)))")
    }

    /// Call after the event was written to standard output: a crash in between repeats events and never skips one.
    ///
    /// - Parameter isSynced: whether that holds for a power cut, too.
    func replace(with position: LogPosition, isSynced: Bool) throws {
        // Fails for a pipe or a terminal, which hold nothing to sync.
        if isSynced { fsync(STDOUT_FILENO) }
        let bytes = Array("\(position.id) \(position.timeMicroseconds ?? 0)\n".utf8)
        try FileReplacement.replace(path) { descriptor in
            guard write(descriptor, bytes, bytes.count) == bytes.count, !isSynced || fsync(descriptor) == 0 else {
                throw Failure(Failure.somethingWrong, "cannot write \(path): \(String(cString: strerror(errno)))")
            }
        }
    }
}

import Glibc
import Pseudonyms

/// Secrets from a file, a descriptor or the terminal, straight into memory that is wiped.
enum SecretInput {
    private static let limit = 4096

    /// - Parameter path: `-` for standard input.
    static func file(_ path: String) throws -> SecretBytes {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { if path != "-" { close(descriptor) } }
        let content = SecretBytes(count: limit)
        var count = 0
        while count < limit {
            let got = Glibc.read(descriptor, content.start + count, limit - count)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure(path) }
            if got == 0 { break }
            count += got
        }
        guard count < limit else { throw Failure(Failure.usage, "\(path) is too large for a key or a passphrase") }
        return part(content, count)
    }

    /// The first line of a file.
    static func passphrase(_ path: String) throws -> SecretBytes {
        let content = try file(path)
        let line = part(content, content.bytes.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? content.count)
        guard line.count > 0 else { throw Failure(Failure.usage, "the passphrase in \(path) is empty") }
        return line
    }

    /// Asks on the terminal, without an echo. Nil if there is none.
    static func ask(_ question: String) throws -> SecretBytes? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else { return nil }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else { return nil }
        defer {
            tcsetattr(terminal, TCSAFLUSH, &before)
            _ = write(terminal, "\n", 1)
        }
        _ = question.withCString { write(terminal, $0, strlen($0)) }
        let content = SecretBytes(count: limit)
        let count = Glibc.read(terminal, content.start, limit)
        guard count > 0 else { throw Failure(Failure.usage, "no passphrase was given") }
        let line = part(content, content.bytes[..<count].firstIndex { $0 == 0x0A } ?? count)
        guard line.count > 0 else { throw Failure(Failure.usage, "no passphrase was given") }
        return line
    }

    private static func part(_ content: SecretBytes, _ count: Int) -> SecretBytes {
        let part = SecretBytes(count: count)
        part.start.copyMemory(from: content.start, byteCount: count)
        return part
    }

    private static func failure(_ path: String) -> Failure {
        Failure(
            errno == EACCES ? Failure.noPermission : Failure.noInput, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
}

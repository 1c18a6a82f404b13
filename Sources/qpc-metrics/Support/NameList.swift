import Glibc
import Pseudonyms

/// An operator's list of people: on each line a user's name, a key in hexadecimal, or a key and its owner's name, separated by a
/// space.
enum NameList {
    struct Entry {
        /// The line; of a key with a name, only the key.
        var subject: [UInt8]
        var name: [UInt8]
    }

    /// - Parameter path: `-` for standard input.
    static func read(_ path: String, _ body: (Entry) throws -> Void) throws { try lines(path) { try body(entry($0)) } }

    /// Each line that is not empty, without its end.
    static func lines(_ path: String, _ body: ([UInt8]) throws -> Void) throws {
        guard let file = path == "-" ? fdopen(STDIN_FILENO, "r") : fopen(path, "re") else {
            throw failure(path, errno)
        }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while true {
            let count = getline(&line, &capacity, file)
            guard count > 0, let line else {
                if ferror(file) != 0 { throw failure(path, errno) }
                return
            }
            let bytes = UnsafeRawBufferPointer(start: line, count: count)
            var end = bytes.count
            while end > 0, bytes[end - 1] == 0x0A || bytes[end - 1] == 0x0D { end -= 1 }
            if end > 0 { try body(Array(bytes[..<end])) }
        }
    }

    private static func entry(_ line: [UInt8]) -> Entry {
        guard let space = line.firstIndex(where: { $0 == 0x20 || $0 == 0x09 }) else { return Entry(subject: line, name: line) }
        let key = Array(line[..<space])
        let name = Array(line[space...].drop { $0 == 0x20 || $0 == 0x09 })
        guard !name.isEmpty, let bytes = Hexadecimal.decode(key), bytes.count >= Pseudonym.byteCount else {
            return Entry(subject: line, name: line)
        }
        return Entry(subject: key, name: name)
    }

    private static func failure(_ path: String, _ code: Int32) -> Failure {
        Failure(
            code == EACCES ? Failure.noPermission : Failure.noInput, "cannot read \(path): \(String(cString: strerror(code)))")
    }
}

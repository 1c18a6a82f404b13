import Terminal

/// Users' names from a file or from standard input: other users of the machine see a command's arguments.
enum UserFile {
    /// - Parameter path: `-` for standard input.
    /// - Parameter command: which reads it.
    static func names(_ path: String, for command: String) throws -> [String] {
        var names: [String] = []
        try NameList.lines(path) { line in
            guard line.count <= 256 else {
                throw Failure(Failure.usage, "invalid line in \(path): expected a user's name of 1–256 bytes on each line")
            }
            names.append(String(decoding: line, as: UTF8.self))
        }
        guard !names.isEmpty else { throw Failure(Failure.usage, "\(path) has no name for \(command)") }
        return names
    }
}

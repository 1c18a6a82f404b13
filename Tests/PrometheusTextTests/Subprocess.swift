import Foundation

/// Another program, asked for its opinion.
enum Subprocess {
    /// The exit status and everything that the program printed, or nil if there is no such program.
    ///
    /// The command is a shell command. It does not use Foundation's `Process` and pipes: when a signal
    /// interrupts their reading, the whole test run ends.
    static func run(_ command: String, input: [UInt8]) throws -> (status: Int32, output: String)? {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let inputFile = directory.appendingPathComponent("input")
        let outputFile = directory.appendingPathComponent("output")
        try Data(input).write(to: inputFile)
        let status = system("{ \(command)\n} < '\(inputFile.path)' > '\(outputFile.path)' 2>&1")
        // How wait encodes an exit and its status.
        guard status & 0x7F == 0 else { return (-1, "ended by signal \(status & 0x7F)") }
        let exitStatus = status >> 8
        if exitStatus == 127 { return nil }
        return (exitStatus, String(decoding: try Data(contentsOf: outputFile), as: UTF8.self))
    }
}

import Foundation

/// What a program did.
public struct Outcome: Sendable {
    /// The exit code, or the negative number of the signal that ended it.
    public var status: Int32
    public var output: [UInt8]
    public var errors: String

    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Without empty lines. Split by bytes, because Swift sees CR LF as one character, which is not a line end to it.
    public var lines: [String] { output.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) } }
    public var errorLines: [String] { errors.utf8.split(separator: 0x0A).map { String(decoding: Array($0), as: UTF8.self) } }
}

/// Runs a program to its end.
public func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], directory: String? = nil,
    umask: Int? = nil, user: User? = nil, within seconds: Double = 180
) throws -> Outcome {
    let place = TemporaryDirectory()
    // This process owns the error file, but another user must be able to write to it too.
    try overwrite(place("errors"), with: [])
    let child = try ChildProcess(
        arguments, environment: environment, directory: directory, umask: umask, user: user,
        errorFile: place("errors"))
    // The input fits into the pipe, or the program reads it; a program that does not read may have ended already.
    if !input.isEmpty { try? child.send(input) }
    child.closeInput()
    let output = try child.rest(within: seconds)
    let status = child.wait()
    return try Outcome(
        status: status, output: output, errors: String(decoding: read(place("errors")), as: UTF8.self))
}

/// The same for a shell command.
public func shell(_ line: String, environment: [String: String] = [:]) throws -> Outcome {
    try run(["/bin/bash", "-c", line], environment: environment)
}

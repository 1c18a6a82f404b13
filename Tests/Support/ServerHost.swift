import Foundation

/// The stand-in for the chat server, `Tests/Hosts/qpc-host`. One thread at a time.
public final class ServerHost {
    public let process: ChildProcess
    private let place = TemporaryDirectory()

    /// Longer than anything takes on a busy machine: it only ends a hopeless wait.
    public static let patience = 120.0

    public init(
        environment: [String: String] = [:], directory: String? = nil, umask: Int? = nil, user: User? = nil,
        under tracer: [String] = []
    ) throws {
        try overwrite(place("errors"), with: [])
        // The plugin must not leak; the command's own runtime does. Under a tracer, leaks cannot be looked for.
        var environment = environment
        if tracer.isEmpty { environment["ASAN_OPTIONS"] = BuiltProducts.setting("QPC_TEST_HOST_ASAN_OPTIONS") }
        process = try ChildProcess(
            tracer + [BuiltProducts.hosts + "/qpc-host"], environment: environment, directory: directory, umask: umask,
            user: user, errorFile: place("errors"))
    }

    /// A host with the plugin loaded and one instance of it running.
    public static func running(
        _ directory: String, _ settings: [String: String] = [:], umask: Int? = nil, user: User? = nil
    ) throws -> ServerHost {
        let host = try ServerHost(environment: Self.environment(directory, settings), umask: umask, user: user)
        try host.load()
        let answer = try host.ask("init")
        guard answer.hasPrefix("code=0 ") else { throw TestFailure("init: \(answer); \(host.errors)") }
        return host
    }

    public static func environment(_ directory: String, _ settings: [String: String] = [:]) -> [String: String] {
        var variables = ["QPC_METRICS_PLUGIN_DIR": directory]
        for (name, value) in settings { variables["QPC_METRICS_PLUGIN_" + name] = value }
        return variables
    }

    public func load(_ plugin: String = BuiltProducts.plugin, as name: String? = nil) throws {
        try ask("load \(Self.encoded(plugin))" + (name.map { " as=\($0)" } ?? ""))
    }

    /// Sends a command and returns its answer after `ok`.
    @discardableResult public func ask(_ command: String) throws -> String {
        try process.send(command + "\n")
        return try answer(to: command)
    }

    /// Sends many commands, and returns the answer to the last.
    @discardableResult public func ask(all commands: [String]) throws -> String {
        var last = ""
        // As many at a time as the pipes hold in both directions.
        for start in stride(from: 0, to: commands.count, by: 100) {
            let part = commands[start..<min(start + 100, commands.count)]
            try process.send(part.joined(separator: "\n") + "\n")
            for command in part { last = try answer(to: command) }
        }
        return last
    }

    private func answer(to command: String) throws -> String {
        guard let line = try process.line(within: Self.patience) else {
            throw TestFailure("the host died of \(command) with status \(process.wait()): \(errors)")
        }
        if line == "ok" { return "" }
        guard line.hasPrefix("ok ") else { throw TestFailure("\(command): \(line)") }
        return String(line.dropFirst(3))
    }

    /// The answer of a command that answers with a JSON object.
    public func tally(_ command: String) throws -> Tally { try Tally(ask(command)) }

    /// How much memory of the C library is allocated in its process.
    public func heapBytes() throws -> Int {
        let answer = try ask("heap")
        guard answer.hasPrefix("heap="), let bytes = Int(answer.dropFirst(5)) else { throw TestFailure("heap: \(answer)") }
        return bytes
    }

    public func setDirectory(_ path: String) throws {
        try ask("setenv QPC_METRICS_PLUGIN_DIR \(Self.encoded(path))")
    }

    /// What it has printed on standard error so far.
    public var errors: String { (try? String(decoding: read(place("errors")), as: UTF8.self)) ?? "" }
    public var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

    /// Ends it with SIGKILL, as an impatient administrator would.
    public func kill() {
        process.kill()
        process.wait()
    }

    /// Shuts the plugin down and ends the host.
    public func shutDown() throws {
        try ask("shutdown")
        try ask("destroy")
        try exit()
    }

    public func exit() throws {
        try ask("exit")
        let status = process.wait()
        guard status == 0 else { throw TestFailure("the host ended with status \(status): \(errors)") }
    }

    public static func encoded(_ word: String) -> String {
        word.utf8.map { byte in
            byte > 0x20 && byte < 0x7F && byte != 0x25 ? String(UnicodeScalar(byte)) : "%" + hex([byte])
        }.joined()
    }
}

public func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

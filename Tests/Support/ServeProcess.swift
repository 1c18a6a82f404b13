import Foundation

/// `qpc-metrics serve`, running. One thread at a time.
public final class ServeProcess {
    public let child: ChildProcess
    public let place: DataPlace
    private let errors = TemporaryDirectory()

    /// - Parameter prefix: a program that starts the command, run in place of it.
    public init(
        _ place: DataPlace = DataPlace(), _ arguments: String..., through prefix: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        self.place = place
        try overwrite(errors("errors"), with: [])
        var variables = environment
        variables["QPC_METRICS_PLUGIN_DIR"] = place.path
        child = try ChildProcess(
            prefix + [BuiltProducts.commandLine, "serve"] + arguments, environment: variables,
            errorFile: errors("errors"))
    }

    /// The lines on its standard error so far.
    public var said: [String] {
        ((try? String(decoding: read(errors("errors")), as: UTF8.self)) ?? "").split(separator: "\n").map(String.init)
    }

    /// The addresses on which it listens; waits until it does.
    public func addresses(_ count: Int = 1) throws -> [String] {
        var found: [String] = []
        try eventually("it listens") {
            found = said.filter { $0.contains("msg=listening") }.compactMap { line in
                line.split(separator: " ").first { $0.hasPrefix("address=") }.map { String($0.dropFirst(8)) }
            }
            return found.count >= count
        }
        return found
    }
}

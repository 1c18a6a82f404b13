import Foundation

/// A data directory that does not exist yet, in a temporary one, and the command to query it.
public final class DataPlace: Sendable {
    public let temporary = TemporaryDirectory()

    public init() {}

    public var path: String { temporary("data") }
    public var tool: CommandLineTool { CommandLineTool(path) }
    public var log: SQLiteShell { SQLiteShell(path) }

    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// A host with the plugin running on this directory.
    public func server(_ settings: [String: String] = [:], umask: Int? = nil, user: User? = nil) throws -> ServerHost {
        try .running(path, settings, umask: umask, user: user)
    }

    /// Lets every user read all files but the key.
    public func letEverybodyRead() {
        chmod(path, 0o755)
        for name in names(in: path) where name != "identity.key" { chmod(self(name), 0o644) }
    }
}

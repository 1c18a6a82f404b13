/// `host:port`, as --web.listen-address takes it; without a host, every interface.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public static let standard = ListenAddress(host: "127.0.0.1", port: 10120)

    /// - Parameter option: which takes it.
    /// - Throws: `ExporterError.badFlag`.
    public init(
        _ text: String, option: String = "--web.listen-address", example: ListenAddress = .standard
    ) throws(ExporterError) {
        let bad = Self.bad(text, option, example)
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { throw bad }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { throw bad }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Which colon precedes the port would be a guess.
            throw bad
        }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw bad }
        self.init(host: String(host), port: Int(port))
    }

    private static func bad(_ text: String, _ option: String, _ example: ListenAddress) -> ExporterError {
        .badFlag(
            "\(option) \(text) is not a valid address; expected host:port, :port or [IPv6]:port, such as \(example)")
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

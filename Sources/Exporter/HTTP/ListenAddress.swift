/// `host:port`, as --web.listen-address takes it; without a host, every interface.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public static let standard = ListenAddress(host: "127.0.0.1", port: 10120)

    /// - Throws: `ExporterError.badFlag`.
    public init(_ text: String) throws(ExporterError) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw Self.bad(text)
        }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { throw Self.bad(text) }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Which colon precedes the port would be a guess.
            throw Self.bad(text)
        }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw Self.bad(text) }
        self.init(host: String(host), port: Int(port))
    }

    private static func bad(_ text: String) -> ExporterError {
        .badFlag(
            "--web.listen-address \(text) is not a valid address; expected host:port, :port or [IPv6]:port, such as "
                + "127.0.0.1:10120")
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

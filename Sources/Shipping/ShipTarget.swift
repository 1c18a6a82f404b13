import Doctor

/// Where events are sent: `clickhouse+http://user@host:8123/database`, or `clickhouse+https://…`.
public struct ShipTarget: Sendable, Equatable, CustomStringConvertible {
    public enum Problem: Error, Equatable {
        case notAnAddress
        /// A password in an address is seen by everybody who lists the machine's processes.
        case hasPassword
        case badDatabase(String)
    }

    public var address: HTTPAddress
    public var user: String
    public var database: String

    public init(_ text: String) throws(Problem) {
        var rest = text
        for (scheme, http) in [
            ("clickhouse+http://", "http://"), ("clickhouse+https://", "https://"), ("clickhouse://", "http://"),
        ]
        where text.lowercased().hasPrefix(scheme) {
            rest = http + text.dropFirst(scheme.count)
        }
        guard rest != text, !rest.contains("?"), !rest.contains("#"), var address = HTTPAddress(rest) else { throw .notAnAddress }
        let user = address.credentials ?? "default"
        guard !user.contains(":") else { throw .hasPassword }
        guard !user.isEmpty, user.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .notAnAddress }
        let database = address.path.isEmpty ? "default" : String(address.path.dropFirst())
        guard Self.isName(database) else { throw .badDatabase(database) }
        // Without a port, ClickHouse's, not that of the web.
        if !Self.namesPort(rest) { address.port = address.isEncrypted ? 8443 : 8123 }
        address.path = ""
        address.credentials = nil
        self.address = address
        self.user = user
        self.database = database
    }

    private static func namesPort(_ url: String) -> Bool {
        let authority = url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        guard let colon = host.lastIndex(of: ":") else { return false }
        return !host[colon...].contains("]")
    }

    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39 ~= first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x7A ~= $0 | 0x20 || $0 == 0x5F }
    }

    /// Without user or password.
    public var description: String {
        "clickhouse+" + address.description + "/" + database
    }
}

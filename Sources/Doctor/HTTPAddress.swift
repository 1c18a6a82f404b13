/// The address of an HTTP server: `http://host:port/path`, `https://…`, or `host:port` alone.
public struct HTTPAddress: Sendable, Equatable, CustomStringConvertible {
    public var isEncrypted: Bool
    public var host: String
    public var port: Int
    /// Empty, or everything from the first slash on, without a trailing slash.
    public var path: String
    /// `user:password`, decoded. Never part of the description.
    public var credentials: String?

    /// Nil if the text is not such an address.
    public init?(_ text: String) {
        var rest = Substring(text)
        isEncrypted = false
        if let scheme = text.firstRange(of: "://") {
            switch text[..<scheme.lowerBound].lowercased() {
            case "http": break
            case "https": isEncrypted = true
            default: return nil
            }
            rest = text[scheme.upperBound...]
        }
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = rest[slash...]
        guard !path.contains("?"), !path.contains("#") else { return nil }
        while path.hasSuffix("/") { path = path.dropLast() }
        self.path = String(path)
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") {
            guard let decoded = Self.decoded(authority[..<at]) else { return nil }
            credentials = decoded
            authority = authority[authority.index(after: at)...]
        }
        guard let (host, port) = Self.split(authority) else { return nil }
        self.host = host
        self.port = port ?? (isEncrypted ? 443 : 80)
    }

    /// Host and port; nil if malformed. An IPv6 address must be in brackets, so that its colons are not taken for the port's.
    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var host = authority
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
            port = Int(number)
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") || host.contains("[") || host.contains("]") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// Percent escapes decoded; nil for a malformed one.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: Array(rest.prefix(2)), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The value of a `Host` header.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// Without the password.
    public var description: String { (isEncrypted ? "https://" : "http://") + authority + path }

    /// The same address without a path.
    public var root: HTTPAddress {
        var root = self
        root.path = ""
        return root
    }
}

/// Parses a web configuration strictly: a misspelt key must not leave a door open.
struct WebConfigParser {
    private let path: String

    init(path: String) { self.path = path }

    /// - Throws: `ExporterError.badWebConfig`, naming the file, the line and what would be valid.
    func parse(_ bytes: [UInt8]) throws(ExporterError) -> WebConfig {
        var config = WebConfig()
        let document: YAMLNode?
        do { document = try YAMLNode.parse(bytes) } catch { throw bad(error.line, error.problem) }
        guard let document, !document.isNull else { return config }
        config.isEmpty = false
        for (key, value) in try map(document, "the file") {
            switch key {
            case "tls_server_config": config.tls = value.isNull ? nil : try tls(value)
            case "http_server_config": if !value.isNull { try http(value, &config) }
            case "basic_auth_users": if !value.isNull { config.users = try users(value) }
            default:
                throw unknown(
                    key, value, "tls_server_config, http_server_config, basic_auth_users")
            }
        }
        return config
    }

    private func tls(_ node: YAMLNode) throws(ExporterError) -> WebConfig.TLS {
        var tls = WebConfig.TLS()
        for (key, value) in try map(node, "tls_server_config") {
            switch key {
            case "cert_file": tls.certFile = relative(try text(value, key))
            case "key_file": tls.keyFile = relative(try text(value, key))
            case "client_ca_file": tls.clientCAFile = value.isNull ? nil : relative(try text(value, key))
            case "client_auth_type": tls.clientAuth = try choice(value, key)
            // Ignoring it would let in every certificate of the CA.
            case "client_allowed_sans":
                guard try list(value, key).isEmpty else {
                    throw bad(
                        value.line, "client_allowed_sans is not supported; restrict clients with a client_ca_file of their own")
                }
            case "min_version": tls.minVersion = try choice(value, key)
            case "max_version": tls.maxVersion = try choice(value, key)
            case "cipher_suites": tls.cipherSuites = try list(value, key)
            case "curve_preferences": tls.curves = try list(value, key)
            // BoringSSL's own order applies to the suites that are left.
            case "prefer_server_cipher_suites": _ = try flag(value, key)
            default:
                throw unknown(
                    key, value,
                    "cert_file, key_file, client_auth_type, client_ca_file, min_version, "
                        + "max_version, cipher_suites, curve_preferences, prefer_server_cipher_suites")
            }
        }
        guard !tls.certFile.isEmpty else { throw bad(node.line, "tls_server_config has no cert_file") }
        guard !tls.keyFile.isEmpty else { throw bad(node.line, "tls_server_config has no key_file") }
        if tls.clientAuth.verifies, tls.clientCAFile == nil {
            throw bad(node.line, "client_auth_type \(tls.clientAuth.rawValue) needs a client_ca_file")
        }
        if !tls.clientAuth.verifies, tls.clientCAFile != nil {
            throw bad(
                node.line,
                "client_ca_file has no effect with client_auth_type \(tls.clientAuth.rawValue); "
                    + "RequireAndVerifyClientCert requires certificates from that CA")
        }
        if let max = tls.maxVersion, max < tls.minVersion {
            throw bad(node.line, "max_version \(max.rawValue) is below min_version \(tls.minVersion.rawValue)")
        }
        return tls
    }

    /// The headers that the toolkit lets a file set, and their permitted values; none listed permits any.
    private static let headers: [(name: String, values: [String])] = [
        ("Strict-Transport-Security", []), ("Content-Security-Policy", []), ("X-XSS-Protection", []),
        ("X-Content-Type-Options", ["nosniff"]), ("X-Frame-Options", ["deny", "sameorigin"]),
    ]

    private func http(_ node: YAMLNode, _ config: inout WebConfig) throws(ExporterError) {
        for (key, value) in try map(node, "http_server_config") {
            switch key {
            case "http2": config.wantsHTTP2 = try flag(value, key)
            case "headers":
                guard !value.isNull else { continue }
                for (name, value) in try map(value, key) {
                    guard let known = Self.headers.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                        throw unknown(name, value, Self.headers.map(\.name).joined(separator: ", "))
                    }
                    let text = try text(value, name)
                    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
                        throw bad(value.line, "\(name) contains characters that are not allowed in a header")
                    }
                    guard known.values.isEmpty || known.values.contains(text.lowercased()) else {
                        throw bad(
                            value.line, "\(name) is \(text); expected \(known.values.joined(separator: " or "))")
                    }
                    config.headers.append(.init(name: known.name, value: text))
                }
            default: throw unknown(key, value, "http2, headers")
            }
        }
    }

    private func users(_ node: YAMLNode) throws(ExporterError) -> [String: String] {
        var users: [String: String] = [:]
        for (name, value) in try map(node, "basic_auth_users") {
            guard !name.isEmpty, !name.contains(":") else {
                throw bad(value.line, "a user name is empty or contains a colon, which basic authentication does not allow")
            }
            let hash = try text(value, "basic_auth_users")
            // The hash itself is not shown: with it, the password can be guessed offline.
            guard Self.isBcrypt(Array(hash.utf8)) else {
                throw bad(value.line, "the password of \(name) is not a bcrypt hash; htpasswd -nBC 10 \(name) creates one")
            }
            users[name] = hash
        }
        return users
    }

    /// `$2b$10$`, 22 characters of salt and 31 of hash.
    private static func isBcrypt(_ hash: [UInt8]) -> Bool {
        guard hash.count == 60, hash[0] == 0x24, hash[1] == 0x32, [0x61, 0x62, 0x79].contains(hash[2]),
            hash[3] == 0x24, hash[6] == 0x24, let cost = Int(String(decoding: hash[4..<6], as: UTF8.self)),
            cost >= 4, cost <= 31
        else { return false }
        return hash[7...].allSatisfy { byte in
            byte == 0x2E || byte == 0x2F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
    }

    // MARK: Value types

    private func relative(_ file: String) -> String {
        guard !file.isEmpty, !file.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return file }
        return String(path[...slash]) + file
    }

    private func map(_ node: YAMLNode, _ name: String) throws(ExporterError) -> [(key: String, value: YAMLNode)] {
        guard case .map(let pairs, _) = node else { throw bad(node.line, "\(name) must be a mapping of `key: value`") }
        return pairs
    }

    private func text(_ node: YAMLNode, _ key: String) throws(ExporterError) -> String {
        guard case .scalar(let text, _, _) = node, !node.isNull else { throw bad(node.line, "\(key) must be a string") }
        return text
    }

    private func list(_ node: YAMLNode, _ key: String) throws(ExporterError) -> [String] {
        if node.isNull { return [] }
        guard case .list(let items, _) = node else { throw bad(node.line, "\(key) must be a list") }
        var texts: [String] = []
        for item in items { texts.append(try text(item, key)) }
        return texts
    }

    private func flag(_ node: YAMLNode, _ key: String) throws(ExporterError) -> Bool {
        switch try text(node, key).lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw bad(node.line, "\(key) must be true or false")
        }
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ node: YAMLNode, _ key: String
    ) throws(ExporterError) -> Choice where Choice.RawValue == String {
        let text = try text(node, key)
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw bad(node.line, "\(key) is \(text); expected one of \(all)")
        }
        return choice
    }

    private func unknown(_ key: String, _ node: YAMLNode, _ known: String) -> ExporterError {
        bad(node.line, "unknown key \(key); expected one of \(known)")
    }

    private func bad(_ line: Int, _ problem: String) -> ExporterError { .badWebConfig("\(path):\(line): \(problem)") }
}

import Foundation
import TestSupport
import Testing

@testable import Exporter

/// The web configuration file: whatever promtool accepts is accepted, and errors are reported with their line.
@Suite struct WebConfigTests {
    /// Every key that exists; docs/EXPORTER.md has the same ones.
    static let sample = """
        # TLS, with certificates asked of clients
        tls_server_config:
          cert_file: server.pem
          key_file: server.key
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: ca.pem
          min_version: TLS12
          max_version: TLS13
          prefer_server_cipher_suites: true
          cipher_suites:
            - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
          curve_preferences: [CurveP256, X25519]
        http_server_config:
          http2: false
          headers:
            Strict-Transport-Security: max-age=31536000
            X-Frame-Options: deny
        basic_auth_users:
          prometheus: $2y$04$abcdefghijklmnopqrstuu5Lyo2N3C2RkW8dB7r9eHk0E9hWQ3y2K
        """

    private func parse(_ text: String) throws(ExporterError) -> WebConfig {
        try WebConfigParser(path: "/etc/web.yml").parse(Array(text.utf8))
    }

    @Test func everyKeyIsUnderstood() throws {
        let config = try parse(Self.sample)
        let tls = try #require(config.tls)
        #expect(tls.certFile == "/etc/server.pem")
        #expect(tls.clientCAFile == "/etc/ca.pem")
        #expect(tls.clientAuth == .requireAndVerify)
        #expect(tls.minVersion == .tls12)
        #expect(tls.maxVersion == .tls13)
        #expect(tls.cipherSuites.count == 2)
        #expect(tls.curves == ["CurveP256", "X25519"])
        #expect(config.users.keys.sorted() == ["prometheus"])
        #expect(config.headers.map(\.name) == ["Strict-Transport-Security", "X-Frame-Options"])
        #expect(!config.wantsHTTP2)
    }

    @Test(arguments: [
        "", "# nothing\n", "---\n", "~", "{}", "basic_auth_users:\n", "tls_server_config: ~\nhttp_server_config:\n",
    ])
    func nothingIsAllowed(text: String) throws {
        let config = try parse(text)
        #expect(config.tls == nil)
        #expect(config.users.isEmpty)
    }

    @Test(arguments: [
        ("basic_auth_user:\n  a: b\n", 2, "basic_auth_users"),
        ("tls_server_config:\n  cert_file: a\n", 2, "no key_file"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS10\n", 4, "TLS12, TLS13"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  cert: x\n", 4, "unknown key cert; expected one of cert_file"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: Please\n", 4, "RequireAndVerifyClientCert"),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAndVerifyClientCert\n", 2,
            "client_ca_file"
        ),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n", 2, "has no effect"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_allowed_sans: [x]\n", 4, "not supported"),
        ("tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS13\n  max_version: TLS12\n", 2, "below"),
        ("basic_auth_users:\n  alice: secret\n", 2, "bcrypt"),
        ("basic_auth_users:\n  alice: $2y$99$abcdefghijklmnopqrstuu5Lyo2N3C2RkW8dB7r9eHk0E9hWQ3y2K\n", 2, "bcrypt"),
        ("basic_auth_users:\n  - alice\n", 2, "key: value"),
        ("http_server_config:\n  headers:\n    Server: mine\n", 3, "Strict-Transport-Security"),
        ("http_server_config:\n  headers:\n    X-Frame-Options: maybe\n", 3, "deny or sameorigin"),
        ("http_server_config:\n  headers:\n    Content-Security-Policy: \"a\\r\\nb\"\n", 3, "not allowed in a header"),
        ("http_server_config:\n  http2: perhaps\n", 2, "must be true or false"),
        ("basic_auth_users:\n  a: $2y$04$abcdefghijklmnopqrstuu5Lyo2N3C2RkW8dB7r9eHk0E9hWQ3y2K\n  a: b\n", 3, "duplicate key a"),
        ("a: [\n", 2, "did not find"), ("\ta: b\n", 1, "cannot start"), ("just words\n", 1, "key: value"),
        ("a: &x [*x, *x]\n", 1, "nested too deeply"),
    ])
    func whatIsWrongIsToldWithItsLine(text: String, line: Int, words: String) {
        #expect { try parse(text) } throws: { error in
            guard case ExporterError.badWebConfig(let message) = error else { return false }
            return message.hasPrefix("/etc/web.yml:\(line): ") && message.contains(words) && !message.contains("secret")
                && !message.contains("\n")
        }
    }

    @Test func aFloodOfAliasesEnds() {
        var text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (name, before) in zip("bcdefghij", "abcdefghi") {
            text += "\(name): &\(name) [\(Array(repeating: "*\(before)", count: 10).joined(separator: ", "))]\n"
        }
        #expect(throws: ExporterError.self) { try parse(text) }
    }

    @Test func promtoolTakesTheSample() throws {
        let text = Self.sample.replacingOccurrences(
            of: "$2y$04$abcdefghijklmnopqrstuu5Lyo2N3C2RkW8dB7r9eHk0E9hWQ3y2K", with: try Certificates.bcrypt("secret"))
        try promtoolTakes(text)
    }

    @Test func promtoolTakesThePagesExample() throws {
        let page = try String(decoding: read(BuiltProducts.packageRoot + "/docs/EXPORTER.md"), as: UTF8.self)
        let blocks = page.components(separatedBy: "```yaml\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        let example = try #require(blocks.first { $0.contains("tls_server_config:") })
        try promtoolTakes(example.replacingOccurrences(of: "/etc/qpc-metrics/", with: ""))
    }

    private func promtoolTakes(_ text: String) throws {
        let keys = try Certificates()
        let file = keys.place("web.yml")
        try overwrite(file, with: Array(text.utf8))
        let outcome = try run(["promtool", "check", "web-config", file])
        #expect(outcome.status == 0, "\(outcome.errors)\(outcome.text)")
        _ = try WebFiles(path: file, log: ExporterLog(level: .error)).load()
    }

    @Test func filesThatDoNotDoAreTold() throws {
        let keys = try Certificates()
        let file = keys.place("web.yml")
        for (cert, key, words) in [
            ("none.pem", "server.key", "cert_file"), ("server.pem", "none.key", "key_file"),
            ("server.key", "server.key", "cert_file"), ("server.pem", "client.key", "do not match"),
        ] {
            try overwrite(file, with: Array("tls_server_config: {cert_file: \(cert), key_file: \(key)}\n".utf8))
            #expect {
                try WebFiles(path: file, log: ExporterLog(level: .error)).load()
            } throws: { error in
                guard case ExporterError.badWebConfig(let message) = error else { return false }
                return message.contains(words)
            }
        }
    }
}

import Exporter
import Foundation
import TestSupport
import Testing

/// TLS, as curl and openssl see it.
@Suite struct TLSTests {
    let keys: Certificates

    init() throws { keys = try Certificates() }

    private func exporter(_ more: String = "", cert: String = "server") throws -> TestExporter {
        try TestExporter(webConfig: keys.write("web.yml", Self.config(more, cert: cert)))
    }

    private static func config(_ more: String = "", cert: String = "server") -> String {
        "tls_server_config:\n  cert_file: \(cert).pem\n  key_file: \(cert).key\n" + more
    }

    /// The status, or curl's negative exit code.
    private func curl(_ exporter: TestExporter, _ options: String...) throws -> Int {
        let outcome = try run(
            ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", keys.place("ca.pem")] + options
                + ["https://\(exporter.address)/metrics"])
        return outcome.status == 0 ? Int(outcome.text) ?? 0 : -Int(outcome.status)
    }

    private func client(_ name: String) -> [String] {
        ["--cert", keys.place(name + ".pem"), "--key", keys.place(name + ".key")]
    }

    @Test func bothVersionsAreSpoken() throws {
        let exporter = try exporter()
        #expect(try curl(exporter) == 200)
        #expect(try curl(exporter, "--tls-max", "1.2") == 200)
        #expect(try curl(exporter, "--tlsv1.3") == 200)
        #expect(try curl(exporter, "--http2") == 200)
        #expect(try curl(exporter, "--http1.0") == 200)
        #expect(try curl(exporter, "--compressed", "-I") == 200)
    }

    @Test func olderVersionsAreNot() throws {
        let exporter = try exporter()
        #expect(try curl(exporter, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0") < 0)
        #expect(try curl(exporter) == 200)
    }

    @Test func theFileSaysWhichVersions() throws {
        let new = try exporter("  min_version: TLS13\n")
        #expect(try curl(new, "--tls-max", "1.2") < 0)
        #expect(try curl(new) == 200)
        let old = try exporter("  max_version: TLS12\n")
        #expect(try curl(old, "--tlsv1.3") < 0)
        #expect(try curl(old) == 200)
    }

    @Test func theFileSaysWhichCiphers() throws {
        let exporter = try exporter(
            "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  curve_preferences: [CurveP384]\n")
        #expect(try curl(exporter, "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256") < 0)
        #expect(try curl(exporter, "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384") == 200)
        #expect(try curl(exporter, "--tls-max", "1.2", "--curves", "X25519") < 0)
    }

    @Test func clientsShowTheirCertificates() throws {
        let exporter = try exporter("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n")
        #expect(try curlWith(exporter, client("client")) == 200)
        #expect(try curlWith(exporter, []) < 0)
        #expect(try curlWith(exporter, client("stranger")) < 0)
    }

    @Test func clientsMayShowTheirCertificates() throws {
        let exporter = try exporter("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n")
        #expect(try curlWith(exporter, client("client")) == 200)
        #expect(try curlWith(exporter, []) == 200)
        #expect(try curlWith(exporter, client("stranger")) < 0)
    }

    @Test func anyCertificateWillDo() throws {
        let exporter = try exporter("  client_auth_type: RequireAnyClientCert\n")
        #expect(try curlWith(exporter, client("stranger")) == 200)
        #expect(try curlWith(exporter, []) < 0)
    }

    @Test func aCertificateIsAskedForOnly() throws {
        let exporter = try exporter("  client_auth_type: RequestClientCert\n")
        #expect(try curlWith(exporter, client("stranger")) == 200)
        #expect(try curlWith(exporter, []) == 200)
    }

    private func curlWith(_ exporter: TestExporter, _ options: [String]) throws -> Int {
        // TLS 1.2 reports a refusal within the handshake, 1.3 after it.
        let old = try run(
            ["curl", "-sS", "--tls-max", "1.2", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", keys.place("ca.pem")]
                + options + ["https://\(exporter.address)/metrics"])
        let new = try run(
            ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", keys.place("ca.pem")] + options
                + ["https://\(exporter.address)/metrics"])
        let statuses = [old, new].map { $0.status == 0 ? Int($0.text) ?? 0 : -Int($0.status) }
        #expect((statuses[0] < 0) == (statuses[1] < 0), "\(statuses) \(old.errors)\(new.errors)")
        return statuses[0]
    }

    @Test func aRenewedCertificateIsTaken() throws {
        let exporter = try exporter()
        func subject() throws -> String {
            let outcome = try shell(
                "openssl s_client -connect \(exporter.address) </dev/null 2>/dev/null | openssl x509 -noout -subject")
            return outcome.text
        }
        #expect(try subject().contains("server"))
        // Under the same names, as certbot does it.
        rename(keys.place("renewed.key"), keys.place("server.key"))
        rename(keys.place("renewed.pem"), keys.place("server.pem"))
        try eventually("the new certificate is shown") { try subject().contains("renewed") }
        #expect(try curl(exporter) == 200)
    }

    @Test func tlsIsNotTurnedOffByAFile() throws {
        let exporter = try exporter()
        _ = try keys.write("web.yml", "http_server_config:\n  http2: false\n")
        exporter.exporter.reloadWebConfig()
        for _ in 0..<10 { #expect(try curl(exporter) == 200) }
    }

    @Test func plainTextIsNotAnswered() throws {
        let exporter = try exporter()
        let client = try exporter.client()
        client.request("GET /metrics")
        _ = try client.isEnded()
        #expect(try curl(exporter) == 200)
    }

    @Test func whoShakesNoHandIsLeft() throws {
        let exporter = try TestExporter(webConfig: keys.write("web.yml", Self.config())) {
            $0.headerTime = .milliseconds(30)
        }
        #expect(try exporter.client().isEnded())
    }
}

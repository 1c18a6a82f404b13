import Exporter
import Foundation
import NIOCore
import TestSupport
import Testing

/// Names and passwords, headers, and what happens when the file changes.
@Suite struct AuthTests {
    let place = TemporaryDirectory()
    let hash: String

    init() throws { hash = try Certificates.bcrypt("secret:with:colons") }

    private func config(_ text: String) throws -> String {
        try overwrite(place("web.new"), with: Array(text.utf8))
        rename(place("web.new"), place("web.yml"))
        return place("web.yml")
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Authorization: Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    @Test func everyPathNeedsThePassword() throws {
        let exporter = try TestExporter(webConfig: config("basic_auth_users:\n  alice: \(hash)\n"))
        for path in ["/metrics", "/", "/-/healthy", "/-/ready", "/nothing"] {
            let answer = try exporter.get(path)
            #expect(answer.status == 401)
            #expect(answer.headers["www-authenticate"] == "Basic")
            #expect(answer.text == "Unauthorized\n")
        }
        let right = Self.basic("alice", "secret:with:colons")
        // The second check is answered from the cache.
        for _ in 0..<2 { #expect(try exporter.get("/metrics", right).status == 200) }
        #expect(try exporter.get("/nothing", right).status == 404)
    }

    @Test(arguments: [
        basic("alice", "wrong"), basic("alice", ""), basic("bob", "secret:with:colons"), basic("", "secret:with:colons"),
        basic("alice", "secret:with:colons\0"), basic("alice", "secret:with:colons "), basic("ALICE", "secret:with:colons"),
        "Authorization: Basic", "Authorization: Basic !!!!", "Authorization: Basic YWxpY2U=", "Authorization: Bearer x",
        "Authorization: Basic " + String(repeating: "A", count: 12_000), "Authorization:",
        "Proxy-" + basic("alice", "secret:with:colons"),
    ])
    func whoIsWrongStaysOut(field: String) throws {
        let exporter = try TestExporter(webConfig: config("basic_auth_users:\n  alice: \(hash)\n"))
        let client = try exporter.client()
        // A correct password before it does not help, not even on the same connection.
        #expect(try client.get("/metrics", Self.basic("alice", "secret:with:colons")).status == 200)
        #expect(try client.get("/metrics", field).status == 401)
    }

    @Test func guessesWaitInAShortLine() throws {
        // 2^11 rounds: slow enough for a queue to form.
        let slow = "$2b$11$abcdefghijklmnopqrstuu" + hash.suffix(31)
        let exporter = try TestExporter(
            webConfig: config("basic_auth_users:\n  alice: \(hash)\n  bob: \(slow)\n")
        ) { $0.passwordsWaiting = 1 }
        let right = Self.basic("alice", "secret:with:colons")
        #expect(try exporter.get("/metrics", right).status == 200)
        let guessers = try (0..<4).map { _ in try exporter.client() }
        for (index, client) in guessers.enumerated() { client.request("GET /metrics", Self.basic("bob", "guess \(index)")) }
        // A client that was let in before does not wait behind them.
        #expect(try exporter.get("/metrics", right).status == 200)
        let statuses = try guessers.map { try $0.answer().status }
        #expect(statuses.allSatisfy { $0 == 401 || $0 == 503 })
        #expect(statuses.contains(503))
    }

    @Test func guessesAtOneNameKeepNobodyElseOut() throws {
        let slow = "$2b$11$abcdefghijklmnopqrstuu" + hash.suffix(31)
        let exporter = try TestExporter(
            webConfig: config("basic_auth_users:\n  alice: \(hash)\n  bob: \(slow)\n")
        ) { $0.passwordsWaiting = 4 }
        let guessers = try (0..<8).map { _ in try exporter.client() }
        for (index, client) in guessers.enumerated() {
            client.request("GET /metrics", Self.basic(index % 2 == 0 ? "bob" : "nobody \(index)", "guess \(index)"))
        }
        // Her password was never accepted before, so it has to be checked; it waits for its turn, not for all of the others.
        #expect(try exporter.get("/metrics", Self.basic("alice", "secret:with:colons")).status == 200)
        #expect(try guessers.map { try $0.answer().status }.allSatisfy { $0 == 401 || $0 == 503 })
    }

    @Test func aRefusalTakesTheRoundsOfTheDearestHash() {
        for (cost, dearest) in [(4, 12), (10, 12), (11, 12), (12, 12), (5, 5)] {
            let makesUp = (1 << dearest) - (1 << cost)
            let rounds: Int = BcryptCost.costs(ofRounds: makesUp).map { 1 << $0 }.reduce(1 << cost, +)
            #expect(rounds == 1 << dearest)
        }
        #expect(BcryptCost.of(hash) == Int(hash.dropFirst(4).prefix(2)))
    }

    @Test func headersAreOnEveryAnswer() throws {
        let exporter = try TestExporter(
            webConfig: config(
                """
                http_server_config:
                  headers:
                    Content-Security-Policy: default-src 'self'
                    X-Frame-Options: deny
                """))
        for path in ["/", "/metrics", "/nothing"] {
            let answer = try exporter.get(path)
            #expect(answer.headers["content-security-policy"] == "default-src 'self'")
            #expect(answer.headers["x-frame-options"] == "deny")
        }
    }

    @Test func aChangedFileIsReadAgain() throws {
        let exporter = try TestExporter(webConfig: config("basic_auth_users:\n  alice: \(hash)\n"))
        let right = Self.basic("alice", "secret:with:colons")
        #expect(try exporter.get("/metrics", right).status == 200)
        _ = try config("basic_auth_users:\n  alice: \(try Certificates.bcrypt("new"))\n")
        try eventually("the new password holds") {
            try exporter.get("/metrics", Self.basic("alice", "new")).status == 200
        }
        #expect(try exporter.get("/metrics", right).status == 401)
    }

    @Test(arguments: ["", "basic_auth_users: [\n", "basic_auth_users:\n  alice: nonsense\n", nil])
    func aFileThatIsBrokenOpensNoDoor(text: String?) throws {
        let exporter = try TestExporter(webConfig: config("basic_auth_users:\n  alice: \(hash)\n"))
        if let text { _ = try config(text) } else { unlink(place("web.yml")) }
        exporter.exporter.reloadWebConfig()
        // Responses come after the file is read, for which this client's password check has to wait.
        for _ in 0..<20 { #expect(try exporter.get("/metrics").status == 401) }
        #expect(try exporter.get("/metrics", Self.basic("alice", "secret:with:colons")).status == 200)
        // Once the file is valid again, it takes effect.
        _ = try config("basic_auth_users:\n  bob: \(hash)\n")
        try eventually("bob gets in") {
            try exporter.get("/metrics", Self.basic("bob", "secret:with:colons")).status == 200
        }
    }
}

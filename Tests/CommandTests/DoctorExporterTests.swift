import Foundation
import TestSupport
import Testing

/// `doctor` and the exporter: our own, one for another directory, one that requires a password or TLS, and unrelated servers.
@Suite struct DoctorExporterTests {
    let place = DataPlace()

    private func expect(
        _ report: DoctorReport, _ name: String, _ result: String, _ words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            report.has(name, result, words), "\(name), \(result), \(words): \(report.all(name))", sourceLocation: sourceLocation)
    }

    /// What an exporter of this version serves.
    private func page(_ start: String, version: String?) -> String {
        "qpc_up 1\nqpc_plugin_start_time_seconds \(start)\n"
            + (version.map { "qpc_exporter_build_info{version=\"\($0)\"} 1\n" } ?? "")
    }

    private func exporter(_ page: String, ready: Int = 200) throws -> StandInHTTP {
        try StandInHTTP { path in
            switch path {
            case "/-/ready": .init(ready)
            case "/metrics": .init(200, page)
            default: .init(404)
            }
        }
    }

    @Test func anExporterOfAnotherDirectoryIsAFailure() throws {
        let other = DataPlace()
        let hosts = try [place.server(), other.server()]
        let serve = try ServeProcess(other, "--web.listen-address", "127.0.0.1:0")
        let report = try place.tool.doctor("--exporter", serve.addresses()[0])
        expect(report, "exporter", "ok", "ready")
        expect(report, "exporter directory", "failure", "another directory", "qpc-metrics serve --dir \(place.path)")
        for host in hosts { try host.shutDown() }
    }

    @Test func anExporterOfAnotherVersionIsAWarning() throws {
        let host = try place.server()
        let start = try place.tool.exposition().samples["qpc_plugin_start_time_seconds"] ?? ""
        let newer = try exporter(page(start, version: "9.9.9"))
        let report = try place.tool.doctor("--exporter", newer.url)
        expect(report, "exporter version", "warning", "the exporter is 9.9.9", "restart the exporter")
        expect(report, "exporter directory", "ok")
        #expect(report.status == 0)
        let older = try exporter(page(start, version: nil))
        expect(try place.tool.doctor("--exporter", older.url), "exporter version", "warning", "does not report")
        try host.shutDown()
    }

    @Test func nobodyThereIsAFailureOnlyWhereSomebodyIsExpected() throws {
        let host = try place.server()
        // A port that is bound but not listened on cannot be taken by anyone else.
        let closed = try StandInHTTP { _ in .init() }
        let url = closed.url
        closed.close()
        let report = try place.tool.doctor("--exporter", url)
        expect(report, "exporter", "failure", "Connection refused", "systemctl start qpc-metrics")
        #expect(report.status == 1)
        expect(
            try place.tool.doctor("--exporter", "http://nowhere.invalid"), "exporter", "failure",
            "host nowhere.invalid not found")
        try host.shutDown()
    }

    @Test func anExporterThatCannotReadIsAFailure() throws {
        let unready = try exporter("", ready: 503)
        expect(
            try place.tool.doctor("--exporter", unready.url), "exporter", "failure", "cannot read its data directory", "usermod")
    }

    @Test func aStrangerIsNotTakenForTheExporter() throws {
        let strangers = try [StandInHTTP { _ in .init(404) }, exporter("go_goroutines 7\n"), exporter("qpc_up{")]
        for stranger in strangers {
            expect(try place.tool.doctor("--exporter", stranger.url), "exporter", "failure", "not qpc-metrics serve")
        }
    }

    @Test func anExporterWithAPasswordIsAskedWithOne() throws {
        let host = try place.server()
        let certificates = try Certificates()
        let config = try certificates.write("web.yml", "basic_auth_users: {reader: '\(Certificates.bcrypt("open:sesame"))'}\n")
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0", "--web.config.file", config)
        let address = try serve.addresses()[0]
        let without = try place.tool.doctor("--exporter", address)
        expect(without, "exporter", "warning", "requires a password (401)", "USER:PASSWORD")
        #expect(without.status == 0)
        let wrong = try place.tool.run("doctor", "--exporter", "http://reader:wrong@\(address)").text
        #expect(wrong.contains("basic_auth_users") && !wrong.contains("wrong"), "\(wrong)")
        let right = try place.tool.doctor("--exporter", "http://reader:open%3Asesame@\(address)")
        expect(right, "exporter directory", "ok")
        try host.shutDown()
    }

    @Test func tlsThatDoesNotFitIsNamed() throws {
        let host = try place.server()
        let certificates = try Certificates()
        let files = "cert_file: \(certificates.place("server.pem")), key_file: \(certificates.place("server.key"))"
        let config = try certificates.write("web.yml", "tls_server_config: {\(files)}\n")
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0", "--web.config.file", config)
        let address = try serve.addresses()[0]
        expect(try place.tool.doctor("--exporter", "http://" + address), "exporter", "failure", "--exporter https://\(address)")
        expect(try place.tool.doctor("--exporter", "https://" + address), "exporter", "warning", "not trusted", "--ca-file")
        let trusted = try place.tool.doctor("--exporter", "https://" + address, "--ca-file", certificates.place("ca.pem"))
        expect(trusted, "exporter", "ok", "https://\(address)")
        expect(trusted, "exporter directory", "ok")
        let missing = try place.tool.doctor("--exporter", "https://" + address, "--ca-file", "/nowhere/ca.pem")
        expect(missing, "exporter", "warning", "/nowhere/ca.pem cannot be read, or holds no certificate")
        let plain = try exporter("")
        expect(
            try place.tool.doctor("--exporter", "https://127.0.0.1:\(plain.port)"), "exporter", "failure", "--exporter http://")
        try host.shutDown()
    }

    // MARK: The server's own metrics

    /// The server's counters, read twice: before and after the window.
    private final class Counters: @unchecked Sendable {
        private let lock = NSLock()
        private var readings: [[String: Int]]
        private let between: @Sendable () -> Void

        /// - Parameter between: what happens during the window.
        init(_ first: [String: Int], _ second: [String: Int], _ between: @escaping @Sendable () -> Void) {
            readings = [first, second]
            self.between = between
        }

        func page() -> String {
            lock.lock()
            defer { lock.unlock() }
            if readings.count == 1 { between() }
            let reading = readings.count > 1 ? readings.removeFirst() : readings[0]
            return reading.map { "# TYPE \($0) counter\n\($0) \($1)\n" }.joined()
        }
    }

    /// - Parameter commands: what the host is asked to do during the window.
    private func compare(
        _ host: ServerHost, _ first: [String: Int], _ second: [String: Int], _ commands: [String] = []
    ) throws -> DoctorReport {
        nonisolated(unsafe) let host = host
        let counters = Counters(first, second) { for command in commands { _ = try? host.ask(command) } }
        let server = try StandInHTTP { $0 == "/metrics" ? .init(200, counters.page()) : .init(404) }
        return try place.tool.doctor("--server-metrics", server.url, "--window", "1")
    }

    private static let none = [
        "enqueue_total": 100, "fetch_total": 100, "auth_login_success_total": 100, "auth_login_failure_total": 100,
        "key_package_upload_total": 100,
    ]
    private static let more = none.mapValues { $0 + 40 }
    private static let logins = [String](repeating: "auth user=text:a", count: 40)
    private static let failures = [String](repeating: "auth user=text:a ok=0 reason=text:locked", count: 40)
    private static let fetches = [String](repeating: "fetch count=1", count: 40)
    private static let messages = [String](repeating: "message recipient=00 bytes=10", count: 40)

    @Test func whereEveryHookIsCalledAllIsWell() throws {
        let host = try place.server()
        let all = Self.logins + Self.failures + Self.fetches + Self.messages + ["register user=text:a identity=00"]
        let report = try compare(host, Self.none, Self.more, all)
        for name in Self.none.keys { expect(report, name, "ok") }
        expect(report, "auth_login_success_total", "ok", "the server counted 40 successful logins, the plugin 40")
        try host.shutDown()
    }

    @Test(
        "A hook that is not called is named",
        arguments: [
            ("auth_login_success_total", "on_auth", failures + fetches + messages),
            ("auth_login_failure_total", "on_auth", logins + fetches + messages),
            ("fetch_total", "on_fetch", logins + failures + messages),
            ("enqueue_total", "on_message_enqueue", logins + failures + fetches),
        ])
    func missing(counter: String, hook: String, commands: [String]) throws {
        let host = try place.server()
        let report = try compare(host, Self.none, Self.more, commands)
        expect(report, counter, "failure", "the plugin 0: \(hook) is not called", "--plugin-dir")
        let others = Set(Self.none.keys).subtracting([counter, "key_package_upload_total"])
        for other in others { expect(report, other, "ok") }
        try host.shutDown()
    }

    @Test func aHookThatMissesSomeIsNamed() throws {
        let host = try place.server()
        let report = try compare(host, Self.none, Self.more, Array(Self.fetches.prefix(20)))
        expect(report, "fetch_total", "failure", "40 fetches, the plugin 20", "not called for every one")
        try host.shutDown()
    }

    @Test func aBatchsMessagesCountAsMessages() throws {
        let host = try place.server()
        let batch = [String](repeating: "stage recipient=00 bytes=10", count: 40) + ["batch"]
        let only = try compare(host, Self.none, Self.more, batch)
        expect(only, "enqueue_total", "warning", "40 messages, the plugin 40, all in batches", "MESSAGE_HOOK=on")
        try host.ask("message recipient=00 bytes=10")
        expect(try compare(host, Self.none, Self.more, batch), "enqueue_total", "ok")
        try host.shutDown()
    }

    @Test func anotherServersMetricsAreNoticed() throws {
        let host = try place.server()
        expect(try compare(host, Self.none, Self.none, Self.logins), "auth_login_success_total", "warning", "of that server?")
        try host.shutDown()
    }

    /// Without traffic in the window, the totals from before it decide.
    @Test func aQuietWindowLooksAtTheTotals() throws {
        let host = try place.server()
        for command in Self.logins + Self.fetches { try host.ask(command) }
        var counts = Self.none
        (counts["auth_login_success_total"], counts["enqueue_total"]) = (40, 0)
        let report = try compare(host, counts, counts)
        expect(report, "auth_login_success_total", "ok", "40 successful logins, the plugin 40 in total")
        expect(report, "auth_login_failure_total", "failure", "the plugin 0 in total: on_auth is not called")
        expect(report, "fetch_total", "warning", "100 fetches, the plugin 40", "--window")
        expect(report, "enqueue_total", "warning", "not checked", "no messages yet")
        expect(report, "key_package_upload_total", "warning", "not checked", "register a user")
        try host.shutDown()
    }

    @Test func aServerThatRestartsOrIsNoneIsNamed() throws {
        let host = try place.server()
        expect(try compare(host, Self.more, Self.none), "server metrics", "warning", "restarted within the window")
        let stranger = try StandInHTTP { _ in .init(200, "go_goroutines 7\n") }
        let report = try place.tool.doctor("--server-metrics", stranger.url, "--window", "1")
        expect(report, "server metrics", "failure", "not a quicprochat server", "QPC_METRICS_LISTEN")
        let missing = try StandInHTTP { _ in .init(404) }
        expect(try place.tool.doctor("--server-metrics", missing.url), "server metrics", "failure", "answers 404")
        missing.close()
        expect(
            try place.tool.doctor("--server-metrics", missing.url), "server metrics", "failure", "Connection refused",
            "QPC_METRICS_ENABLED")
        try host.shutDown()
        unlink(place("live.qpcm"))
        expect(try compare(host, Self.none, Self.more), "server metrics", "warning", "counters cannot be read")
    }

    // MARK: Bad input

    @Test(
        "Bad input is 64",
        arguments: [
            (["--exporter", "ftp://x"], "invalid value 'ftp://x' for --exporter: expected a URL like http://127.0.0.1:10120"),
            (["--prometheus", "http://"], "invalid value 'http://' for --prometheus: expected a URL like http://127.0.0.1:9090"),
            (["--server-metrics", "a b"], "invalid value 'a b' for --server-metrics: expected a URL like http://127.0.0.1:9100"),
            (["--window", "0"], "invalid value '0' for --window: expected 1–3600"),
            (["--window", "x"], "invalid value 'x' for --window: expected a whole number"),
            (["-o", "xml"], "invalid value 'xml' for -o: expected text or json"),
        ])
    func usage(arguments: [String], message: String) throws {
        let outcome = try place.tool.run(["doctor"] + arguments)
        #expect(outcome.status == 64 && outcome.errors == "qpc-metrics: \(message)\n", "\(outcome.errors)")
    }
}

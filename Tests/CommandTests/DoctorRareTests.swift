import Foundation
import TestSupport
import Testing

/// `doctor` again: faults that take more than a file's mode or a stopped server to produce.
@Suite struct DoctorRareTests {
    let place = DataPlace()

    private func expect(
        _ name: String, _ result: String, _ words: String..., arguments: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try DoctorReport(place.tool.run(["doctor", "-o", "json"] + arguments))
        #expect(
            report.has(name, result, words), "\(name), \(result), \(words): \(report.all(name))", sourceLocation: sourceLocation)
    }

    @Test func aServerWhoseEventsWereRecoveredIsStillDead() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("fetch count=1")
        host.kill()
        try place.tool.succeed("recover")
        try expect("plugin", "failure", "the server died; its pending events were recovered at", "start it again")
    }

    @Test func aLiveFileThatWentWithTheMachineIsNamed() throws {
        let memory = TemporaryDirectory()
        let host = try place.server(["LIVE_DIR": memory.path])
        host.kill()
        for name in names(in: memory.path) { unlink(memory(name)) }
        try expect("files", "failure", "the live file that live.path names is gone", "start the server")
        try expect("plugin", "failure", "is gone, as after a power cut", "start the server")
    }

    @Test func aLogThatWasDeletedIsMissed() throws {
        try place.server().shutDown()
        for end in ["", "-wal", "-shm"] { unlink(place("events.db" + end)) }
        try expect("files", "failure", "there is no events.db")
        try expect("event log", "failure", "there is no events.db", "start the server")
        try expect("identity key", "warning", "not checked", "there is no log to compare it with")
    }

    @Test func aNewerLiveFileKeepsTheLogFromBeingChecked() throws {
        try place.server().shutDown()
        var content = try read(place("live.qpcm"))
        content[8] = 2
        content.replaceSubrange(104..<112, with: Array("9.8.7".utf8) + [0, 0, 0])
        try overwrite(place("live.qpcm"), with: content)
        try expect("plugin", "failure", "it is of format 2", "install qpc-metrics 9.8.7 or later")
        try expect("event log", "warning", "not checked", "another file of the directory is of a newer version")
    }

    @Test func aPluginThatDoesNotSayItsVersionIsAFailure() throws {
        try place.server().shutDown()
        var content = try read(place("live.qpcm"))
        content.replaceSubrange(104..<120, with: [UInt8](repeating: 0, count: 16))
        content.replaceSubrange(248..<256, with: [UInt8](repeating: 0, count: 8))  // no checksum of the header
        try overwrite(place("live.qpcm"), with: content)
        try expect("plugin version", "failure", "the plugin is of an unknown version", "install the same version of both")
    }

    @Test func anExporterCannotBeComparedWithAPluginThatNeverRan() throws {
        mkdir(place.path, 0o750)
        let exporter = try StandInHTTP { $0 == "/metrics" ? .init(200, "qpc_up 0\n") : .init(200) }
        try expect(
            "exporter directory", "warning", "not checked", "the plugin's start time is unknown",
            arguments: ["--exporter", exporter.url])
    }

    @Test func whoMayNotReadTheIndexCannotSeeReaders() throws {
        guard User.canBeChosen else { return skip("a reader", because: "only root can be another user") }
        let host = try place.server()
        try host.ask("fetch count=1")
        try eventually("the event is in the log") { try place.tool.count() == 1 }
        place.letEverybodyRead()
        chmod(place("events.db-shm"), 0o600)
        let report = try CommandLineTool(place.path, user: .nobody).doctor()
        #expect(report.has("readers", "warning", "not checked", "events.db-shm", "run as root"), "\(report.all("readers"))")
        try host.shutDown()
    }

    // MARK: Prometheus

    @Test func aPrometheusThatUsesTLSIsAskedOverTLS() throws {
        let host = try place.server()
        let certificates = try Certificates()
        let files = "cert_file: \(certificates.place("server.pem")), key_file: \(certificates.place("server.key"))"
        let config = try certificates.write("web.yml", "tls_server_config: {\(files)}\n")
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0", "--web.config.file", config)
        try expect(
            "prometheus", "failure", "it uses TLS", "--prometheus https://",
            arguments: ["--prometheus", "http://" + serve.addresses()[0]])
        try host.shutDown()
    }

    @Test(
        "A target that is down says what to do",
        arguments: [
            ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "tls_config"),
            ("server returned HTTP status 401 Unauthorized", "basic_auth"),
            ("dial tcp 127.0.0.1:10120: connect: connection refused", "systemctl start qpc-metrics"),
        ])
    func down(error: String, remedy: String) throws {
        try place.server().shutDown()
        let target = "{\"labels\":{\"job\":\"qpc\",\"instance\":\"here:1\"},\"health\":\"down\",\"lastError\":\"\(error)\"}"
        let prometheus = try StandInHTTP { path in
            let isTargets = path.hasPrefix("/api/v1/targets")
            let data = isTargets ? "{\"activeTargets\":[\(target)]}" : #"{"result":[],"groups":[],"alerts":[]}"#
            return .init(200, "{\"status\":\"success\",\"data\":\(data)}")
        }
        try expect(
            "prometheus target", "failure", "instance here:1 is down: \(error)", remedy,
            arguments: ["--prometheus", prometheus.url])
    }

    @Test func aPrometheusThatStartsIsNotCalledAStranger() throws {
        try place.server().shutDown()
        let starting = try StandInHTTP { _ in .init(503, "Service Unavailable") }
        try expect("prometheus", "failure", "is not ready (503)", "ask again", arguments: ["--prometheus", starting.url])
    }

    @Test func aPrometheusThatDoesNotRunIsToBeStarted() throws {
        try place.server().shutDown()
        let closed = try StandInHTTP { _ in .init() }
        closed.close()
        try expect(
            "prometheus", "failure", "Connection refused", "start Prometheus there, or set --prometheus",
            arguments: ["--prometheus", closed.url])
    }
}

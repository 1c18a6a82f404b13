import Foundation
import TestSupport
import Testing

/// `qpc-metrics serve` as it is started: flags, signals, systemd, messages.
@Suite struct ServeCommandTests {
    @Test func itServesWhereItIsTold() throws {
        let serve = try ServeProcess(
            DataPlace(), "--web.listen-address", "127.0.0.1:0", "--web.listen-address=localhost:0",
            "--web.telemetry-path", "/m")
        let addresses = try serve.addresses(2)
        #expect(Set(addresses).count == 2)
        for address in addresses where address.hasPrefix("127.") {
            #expect(try RawClient(address).get("/m").status == 200)
            #expect(try RawClient(address).get("/metrics").status == 404)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalEndsItWell(signal: Int32) throws {
        let serve = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0")
        let address = try serve.addresses()[0]
        let resting = try RawClient(address)
        #expect(try resting.get("/metrics").status == 200)
        serve.child.kill(signal)
        #expect(serve.child.wait() == 0)
        #expect(try resting.isEnded())
        #expect(throws: TestFailure.self) { try RawClient(address) }
        #expect(serve.said.last?.contains("msg=stopping") == true)
    }

    @Test func anAnswerUnderWayGoesOut() throws {
        let stuck = try StuckPlace()
        let serve = try ServeProcess(stuck.place, "--web.listen-address", "127.0.0.1:0")
        let address = try serve.addresses()[0]
        let waiting = try RawClient(address)
        waiting.request("GET /metrics")
        let resting = try RawClient(address)
        // This one is answered, so the one before it has been accepted.
        #expect(try resting.get("/-/healthy").status == 200)
        serve.child.kill(SIGTERM)
        // The idle connection is closed at once.
        #expect(try resting.isEnded())
        try stuck.release()
        let answer = try waiting.answer()
        #expect([200, 503].contains(answer.status))
        #expect(answer.headers["connection"] == "close")
        #expect(serve.child.wait() == 0)
    }

    @Test func aSecondSignalEndsItAtOnce() throws {
        let stuck = try StuckPlace()
        let serve = try ServeProcess(stuck.place, "--web.listen-address", "127.0.0.1:0")
        let waiting = try RawClient(serve.addresses()[0])
        waiting.request("GET /metrics")
        serve.child.kill(SIGTERM)
        try eventually("it stops") { serve.said.contains { $0.contains("msg=stopping") } }
        // Repeated, because the first signal may come before the process is ready to be ended by it.
        try eventually("it has ended") {
            serve.child.kill(SIGTERM)
            return try waiting.isEnded()
        }
        #expect(serve.child.wait() == -SIGTERM)
    }

    @Test func itsLinesAreLogfmtOrJSON() throws {
        let plain = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0")
        let address = try plain.addresses()[0]
        let line = try #require(plain.said.first { $0.contains("listening") })
        #expect(line.hasPrefix("time=2") && line.contains(" level=INFO ") && line.contains("address=\(address)"))

        let json = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0", "--log.format", "json")
        try eventually("it listens") { json.said.contains { $0.contains("listening") } }
        let object = try JSONDecoder().decode(
            [String: String].self, from: Data(#require(json.said.first { $0.contains("listening") }).utf8))
        #expect(object["level"] == "INFO")
        #expect(object["msg"] == "listening")

        let quiet = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0", "--log.level=error")
        quiet.child.kill(SIGTERM)
        #expect(quiet.child.wait() == 0 || quiet.said.isEmpty)
    }

    @Test(arguments: [
        (["--web.listen-address", "nowhere"], 64, "127.0.0.1:10120"),
        (["--web.telemetry-path", "metrics"], 64, "/metrics"),
        (["--web.config.file", "/nonexistent.yml"], 66, "/nonexistent.yml"),
        (["--web.systemd-socket"], 1, ".socket"),
        (["--log.level", "loud"], 64, "warn"),
        (["--log.format", "xml"], 64, "logfmt"),
        (["--web.listen-address", "192.0.2.1:0"], 1, "192.0.2.1:0"),
    ])
    func whatIsWrongIsOneLine(arguments: [String], status: Int32, words: String) throws {
        let place = DataPlace()
        let outcome = try place.tool.run(["serve"] + arguments)
        #expect(outcome.status == status)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.hasPrefix("qpc-metrics: "))
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test func aPortThatIsTakenIsTold() throws {
        let first = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0")
        let address = try first.addresses()[0]
        let outcome = try DataPlace().tool.run("serve", "--web.listen-address", address)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("\(address): Address already in use"))
    }

    @Test func aBrokenConfigurationIsTold() throws {
        let place = TemporaryDirectory()
        try overwrite(place("web.yml"), with: Array("basic_auth_user: {}\n".utf8))
        let outcome = try DataPlace().tool.run("serve", "--web.config.file", place("web.yml"))
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("web.yml:1: unknown key basic_auth_user; expected one of"))
    }

    /// Opens a socket as systemd does, and starts the command with it as descriptor 3.
    @Test func systemdsSocketIsTaken() throws {
        let python = """
            import os, socket, sys
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
            s.fileno() == 3 or os.dup2(s.fileno(), 3)
            os.set_inheritable(3, True)
            print(s.getsockname()[1], flush=True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
            os.execv(sys.argv[1], sys.argv[1:])
            """
        let serve = try ServeProcess(
            DataPlace(), "--web.systemd-socket", "--web.listen-address", "127.0.0.1:1",
            through: ["python3", "-c", python])
        let port = try #require(try serve.child.line(within: 60))
        #expect(try serve.addresses() == ["127.0.0.1:\(port)"])
        #expect(try RawClient("127.0.0.1:\(port)").get("/metrics").status == 200)
        serve.child.kill(SIGTERM)
        #expect(serve.child.wait() == 0)
    }

    @Test func whatIsNoSocketIsNotTaken() throws {
        let outcome = try run(
            [
                "bash", "-c", "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve --web.systemd-socket",
                BuiltProducts.commandLine,
            ])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("descriptor 3 is not a listening stream socket"))
    }

    @Test func systemdIsToldThatItIsReady() throws {
        let place = TemporaryDirectory()
        let python = """
            import os, socket, subprocess, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(60)
            os.environ["NOTIFY_SOCKET"] = sys.argv[1]
            p = subprocess.Popen(sys.argv[2:])
            print(s.recv(100).decode(), flush=True)
            p.terminate()
            print(s.recv(100).decode(), p.wait(), flush=True)
            """
        let outcome = try run([
            "python3", "-c", python, place("notify"), BuiltProducts.commandLine, "serve", "--dir", place("data"),
            "--web.listen-address", "127.0.0.1:0",
        ])
        #expect(outcome.lines == ["READY=1", "STOPPING=1 0"], "\(outcome.errors)")
    }

    @Test func hangupReadsTheConfigurationAgain() throws {
        let place = TemporaryDirectory()
        try overwrite(place("web.yml"), with: [])
        let serve = try ServeProcess(DataPlace(), "--web.listen-address", "127.0.0.1:0", "--web.config.file", place("web.yml"))
        let address = try serve.addresses()[0]
        #expect(try RawClient(address).get("/-/healthy").headers["x-frame-options"] == nil)
        try overwrite(place("web.yml"), with: Array("http_server_config: {headers: {X-Frame-Options: deny}}\n".utf8))
        serve.child.kill(SIGHUP)
        try eventually("the header is there") {
            try RawClient(address).get("/-/healthy").headers["x-frame-options"] == "deny"
        }
    }

    @Test func itIsSmall() throws {
        let place = DataPlace()
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let client = try RawClient(serve.addresses()[0])
        for _ in 0..<200 {
            #expect(try client.get("/metrics", "Accept-Encoding: gzip").status == 200)
            #expect(try client.get("/").status == 200)
        }
        let page = try Exposition(client.get("/metrics").text)
        let resident = try page.value("process_resident_memory_bytes")
        #expect(resident < 16 << 20, "\(resident)")
        try host.shutDown()
    }
}

import Exporter
import Foundation
import TestSupport
import Testing

/// HTTP, as all kinds of clients speak it.
@Suite struct RequestTests {
    let exporter: TestExporter

    init() throws { exporter = try TestExporter() }

    @Test func healthAndReadiness() throws {
        let client = try exporter.client()
        #expect(try client.get("/-/healthy").status == 200)
        // Right away: the first response waits for the first reading.
        #expect(try client.get("/-/ready").status == 200)
    }

    /// A misspelt directory will never exist; only an exporter that was told to wait for it is ready.
    @Test func aMissingDirectoryIsNotReady() throws {
        let place = DataPlace()
        let other = try TestExporter(place, waits: false)
        for _ in 0..<3 { #expect(try other.get("/-/ready").status == 503) }
        mkdir(place.path, 0o755)
        try eventually("it is ready") { try other.get("/-/ready").status == 200 }
        rmdir(place.path)
        try eventually("it is not ready again") { try other.get("/-/ready").status == 503 }
    }

    @Test func everyAnswerSaysWhatItIs() throws {
        let answer = try exporter.get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["vary"] == "Accept, Accept-Encoding")
        #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
        #expect(answer.headers["connection"] == "close")
    }

    @Test(arguments: ["/metrics", "/-/healthy", "/"])
    func headHasTheSameHeadAndNoBody(path: String) throws {
        let client = try exporter.client()
        client.request("HEAD \(path)")
        let head = try client.answer(toHead: true)
        #expect(head.status == 200)
        #expect((head.headers["content-length"].flatMap { Int($0) } ?? 0) > 0)
        // The next response begins where the head ended.
        #expect(try client.get("/-/healthy").text == "The exporter is healthy.\n")
    }

    @Test(arguments: ["/nothing", "/metrics/", "/Metrics", "/-/", "//", "/favicon.ico", "/../etc/passwd", "/%6detrics"])
    func otherPathsAreNotThere(path: String) throws {
        let answer = try exporter.get(path)
        #expect(answer.status == 404)
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
    func otherMethodsAreNotAllowed(method: String) throws {
        let client = try exporter.client()
        client.request("\(method) /metrics")
        let answer = try client.answer()
        #expect(answer.status == 405)
        #expect(answer.headers["allow"] == "GET, HEAD")
    }

    @Test(arguments: ["http://test:10120/metrics", "HTTP://test/metrics?x=y", "/metrics?debug=1"])
    func targetsOfEveryForm(target: String) throws {
        #expect(try exporter.get(target).status == 200)
    }

    @Test func optionsOfAllIsAMethodToo() throws {
        let client = try exporter.client()
        client.request("OPTIONS *")
        #expect(try client.answer().status == 405)
    }

    @Test func aConnectionServesManyRequests() throws {
        let client = try exporter.client()
        for _ in 0..<20 { #expect(try client.get("/metrics").status == 200) }
    }

    @Test func aPipelineIsAnsweredInOrder() throws {
        let client = try exporter.client()
        let paths = ["/-/healthy", "/nothing", "/metrics", "/", "/-/healthy", "/metrics"]
        client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: test\r\n\r\n" }.joined())
        #expect(try paths.map { _ in try client.answer().status } == [200, 404, 200, 200, 200, 200])
    }

    @Test func aRequestMayComeByteByByte() throws {
        let client = try exporter.client()
        for byte in "GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n".unicodeScalars { client.send(String(byte)) }
        #expect(try client.answer().status == 200)
    }

    @Test func anOldClientIsAnsweredAndLeft() throws {
        let client = try exporter.client()
        client.send("GET /metrics HTTP/1.0\r\n\r\n")
        let answer = try client.answer()
        #expect(answer.status == 200)
        #expect(answer.headers["connection"] == "close")
        #expect(try client.isEnded())
    }

    @Test func anOldClientMayStay() throws {
        let client = try exporter.client()
        for _ in 0..<2 {
            client.send("GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.answer().headers["connection"] == "keep-alive")
        }
    }

    @Test func whoSendsNoMoreIsStillAnswered() throws {
        let client = try exporter.client()
        client.request("GET /metrics")
        client.finishSending()
        #expect(try client.answer().status == 200)
        #expect(try client.isEnded())
    }

    @Test(arguments: [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 1000000000000",
        "Expect: 100-continue\r\nContent-Length: 1",
    ])
    func aBodyIsRefused(field: String) throws {
        let client = try exporter.client()
        client.request("GET /metrics", field)
        client.send("hello")
        let answer = try client.answer()
        #expect(answer.status == 413)
        #expect(answer.headers["connection"] == "close")
        #expect(try client.isEnded())
    }

    @Test func aBodyOfNothingIsNone() throws {
        #expect(try exporter.get("/metrics", "Content-Length: 0").status == 200)
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET /metrics HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", "GET metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}\u{FC}\u{03}\u{03}",
        "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ])
    func whatIsNoHTTPIsToldSo(request: String) throws {
        let client = try exporter.client()
        client.send(request)
        let answer = try client.answer()
        #expect(answer.status == 400 || answer.status == 413)
        #expect(answer.headers["connection"] == "close")
        #expect(try client.isEnded())
        #expect(try exporter.get("/-/healthy").status == 200)
    }

    @Test(arguments: [
        "GET /metrics HTTP/1.1\r\nHost: test\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: test\r\n"
            + (0..<90).map { "X\($0): \(String(repeating: "x", count: 200))\r\n" }.joined() + "\r\n",
        "GET /metrics HTTP/1.1\r\nHost: test\r\n" + String(repeating: "X: y\r\n", count: 2000) + "\r\n",
        "GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: test\r\n\r\n",
    ])
    func aHeadThatIsTooLargeIsRefused(request: String) throws {
        let client = try exporter.client()
        client.send(request)
        let answer = try client.answer()
        #expect(answer.status == 431)
        #expect(try client.isEnded())
    }

    @Test func aLargeHeadIsNotTooLarge() throws {
        #expect(try exporter.get("/metrics", "Cookie: \(String(repeating: "x", count: 15_000))").status == 200)
    }

    @Test(arguments: [
        ("GET /metrics", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", 200),
        ("GET /", "Connection: Upgrade\r\nUpgrade: websocket", 200), ("CONNECT test:443", "X: y", 405),
    ])
    func otherProtocolsAreNotSpoken(line: String, fields: String, status: Int) throws {
        let client = try exporter.client()
        client.request(line, fields)
        let answer = try client.answer()
        #expect(answer.status == status)
        #expect(answer.headers["connection"] == "close")
        #expect(try client.isEnded())
    }

    @Test func aLateAnswerToHeadHasNoBody() throws {
        let stuck = try StuckPlace()
        let exporter = try TestExporter(stuck.place)
        let client = try exporter.client()
        client.request("HEAD /metrics", "X-Prometheus-Scrape-Timeout-Seconds: 0.1")
        #expect(try client.answer(toHead: true).status == 503)
        #expect(try client.get("/-/healthy").text == "The exporter is healthy.\n")
        try stuck.release()
    }

    @Test func theMetricsCanBeElsewhere() throws {
        let exporter = try TestExporter(telemetryPath: "/")
        #expect(try exporter.get("/").headers["content-type"]?.hasPrefix("text/plain") == true)
        #expect(try exporter.get("/metrics").status == 404)
    }

    @Test(arguments: ["metrics", "", "/-/healthy", "/a b", "/a?b", "/é"])
    func aPathThatIsNoneIsRefused(path: String) throws {
        #expect(throws: TestFailure.self) { try TestExporter(telemetryPath: path) }
    }
}

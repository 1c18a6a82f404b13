import Testing

@testable import Doctor

/// URLs as people type them.
@Suite struct AddressTests {
    @Test(
        "A URL is read, and shown without its password",
        arguments: [
            ("http://127.0.0.1:10120", "http://127.0.0.1:10120"), ("127.0.0.1:10120", "http://127.0.0.1:10120"),
            ("https://host", "https://host:443"), ("host", "http://host:80"), ("HTTP://host/", "http://host:80"),
            ("http://host:9090/prometheus/", "http://host:9090/prometheus"), ("http://[::1]:9/metrics", "http://[::1]:9/metrics"),
            ("[::1]", "http://[::1]:80"), ("http://a:b%40c@host:1", "http://host:1"),
        ])
    func good(text: String, shown: String) throws {
        #expect(try #require(HTTPAddress(text)).description == shown)
    }

    @Test func credentialsAreDecoded() {
        #expect(HTTPAddress("https://a:b%40c@host:1")?.credentials == "a:b@c")
        #expect(HTTPAddress("https://host:1")?.credentials == nil)
        #expect(Base64.encoded(Array("Aladdin:open sesame".utf8)) == "QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    }

    @Test(
        "What is no URL is refused",
        arguments: [
            "", "http://", "ftp://host", "http://host:0", "http://host:x", "http://host:65536", "a b", "::1", "http://[::1",
            "http://host/\u{1B}[2J", "http://host/?a=b", "http://host/a#b", "http://a%4:b@host", "http://hö:1",
        ])
    func bad(text: String) { #expect(HTTPAddress(text) == nil) }
}

/// Responses of servers that are not ours.
@Suite struct AnswerTests {
    private func answer(_ text: String) throws(HTTPError) -> HTTPAnswer { try HTTPAnswer(Array(text.utf8)) }

    @Test func aBodyMayBeWholeCountedOrInPieces() throws {
        #expect(try answer("HTTP/1.0 200 OK\r\n\r\nall of it").text == "all of it")
        let counted = try answer("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-Y:  z\r\n\r\nabcd")
        #expect(counted.status == 404 && counted.text == "abc" && counted.headers["x-y"] == "z")
        #expect(
            try answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n").text
                == "abc0123456789")
    }

    @Test(
        "What is no answer has a name",
        arguments: [
            ("", HTTPError.notHTTP), ("SSH-2.0-OpenSSH_9.2\r\n", .notHTTP), ("HTTP/1.1 x y\r\n\r\n", .notHTTP),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", .cutShort),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", .cutShort), ("\u{15}\u{3}\u{1}", .speaksTLS),
            ("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", .speaksTLS),
        ])
    func bad(text: String, error: HTTPError) { #expect(throws: error) { try answer(text) } }

    @Test func aCountedAnswerIsCompleteBeforeItsConnectionEnds() {
        func isComplete(_ text: String) -> Bool { HTTPAnswer.isComplete(Array(text.utf8)) }
        #expect(isComplete("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"))
        #expect(!isComplete("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"))
        #expect(!isComplete("HTTP/1.1 200 OK\r\n\r\nab") && !isComplete("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"))
    }

    @Test func metricsOfAnyProgramAreRead() {
        let page = MetricsText(
            Array(
                """
                # HELP a x
                fetch_total 12
                auth_total{a="b",c="d\\"}e"} 1 1700000000000
                auth_total{a="x"} 2.5
                broken{a="b
                nonsense
                big 1e3\r
                """.utf8))
        #expect(page.sum("fetch_total") == 12 && page.sum("auth_total") == 3.5 && page.sum("big") == 1000)
        #expect(page.label("c", of: "auth_total") == "d\"}e" && page.sum("nonsense") == nil && !page.has("broken"))
    }

    @Test func jsonIsRead() throws {
        let text = #" {"a":[1,-2.5e1,true,null,{}],"b":"x\n\u00e9\ud83d\ude00\"\\","c":{"d":[]}} "#
        let json = try #require(JSONNode(Array(text.utf8)))
        #expect(json["a"]?.elements == [.number(1), .number(-25), .flag(true), .null, .object([:])])
        #expect(json["b"]?.text == "x\né😀\"\\" && json["c"]?["d"] == .array([]))
    }

    @Test(
        "What is no JSON is refused, however deep it is nested",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "\"a", "tru", "1 2", "{\"a\":1,}", "\"\\u12\"",
            String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000),
        ])
    func badJSON(text: String) { #expect(JSONNode(Array(text.utf8)) == nil) }
}

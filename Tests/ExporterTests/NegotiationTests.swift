import Exporter
import Testing

/// What Prometheus and people send, and what they get.
@Suite struct NegotiationTests {
    static let openMetricsFirst =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    @Test(arguments: [
        (nil, ScrapeForm.Format.text),
        ("", .text),
        ("*/*", .text),
        ("text/plain", .text),
        // Prometheus 2.42.
        (openMetricsFirst, .openMetrics),
        // Prometheus 3, which adds the names of the newer text format.
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
        ),
        // Prometheus 3 with scrape_protocols limited to text.
        ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4", .text),
        // With native histograms, protobuf comes first: the next format is used.
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
                + "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
        ),
        ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", .openMetrics),
        ("APPLICATION/OpenMetrics-Text;Version=1.0.0", .openMetrics),
        ("application/openmetrics-text;version=0.0.1", .text),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", .text),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.8", .text),
        ("application/openmetrics-text;q=0,text/plain;q=0", .text),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.5", .text),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.5", .openMetrics),
        ("application/openmetrics-text;q=nan,text/plain;q=0.1", .text),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .text),
        (",;,q=1;;, application/openmetrics-text ;;; q=1", .openMetrics),
    ])
    func format(accept: String?, format: ScrapeForm.Format) {
        #expect(ScrapeForm(accept: accept, acceptEncoding: nil).format == format)
    }

    /// A field of this length would take the better part of an hour if each blank meant looking at all the blanks after it.
    @Test func blanksCostNoMoreThanTheirNumber() {
        let blanks = String(repeating: " ", count: 1 << 20)
        for field in ["\(blanks)text/plain\(blanks)", blanks, "text/plain;\(blanks)version\(blanks)=\(blanks)0.0.4\(blanks)"] {
            #expect(ScrapeForm(accept: field, acceptEncoding: field).format == .text)
        }
        let marks = String(repeating: "a\u{301}", count: 1 << 18)
        #expect(ScrapeForm(accept: "application/openmetrics-text;x=\"\(marks)\"", acceptEncoding: marks).format == .openMetrics)
        #expect(
            ScrapeForm(accept: "application/openmetrics-text;\(blanks)q=\(blanks)1", acceptEncoding: nil).format == .openMetrics)
    }

    @Test(arguments: [
        (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=1.0, *;q=0.5", true),
        ("gzip;q=0", false), ("identity", false), ("*", true), ("*;q=0", false), ("gzip;q=0.5, identity;q=0.9", false),
        ("br, zstd", false), ("gzip;q=0, *", false),
    ])
    func gzip(acceptEncoding: String?, isGzip: Bool) {
        #expect(ScrapeForm(accept: nil, acceptEncoding: acceptEncoding).isGzip == isGzip)
    }

    @Test(arguments: [
        ("/metrics", "/metrics", ""), ("/metrics?a=b&c", "/metrics", "a=b&c"), ("/", "/", ""),
        ("http://host:10120/metrics", "/metrics", ""), ("HTTPS://host/metrics?x", "/metrics", "x"),
        ("http://host", "/", ""), ("http://[::1]:1/a", "/a", ""), ("http://host?x", "/", "x"),
        ("/metrics#there", "/metrics", ""), ("//metrics", "//metrics", ""),
    ])
    func target(_ target: String, path: String, query: String) throws {
        let parsed = try #require(RequestTarget.parse(target))
        #expect(parsed.path == path)
        #expect(parsed.query == query)
    }

    @Test(arguments: ["*", "", "metrics", "http://", "ftp://host/metrics", "host:443", "http:///metrics"])
    func noTarget(_ target: String) { #expect(RequestTarget.parse(target) == nil) }

    @Test(arguments: [
        ("127.0.0.1:10120", "127.0.0.1", 10120), (":9100", "", 9100), ("[::1]:9100", "::1", 9100),
        ("localhost:0", "localhost", 0),
    ])
    func address(_ text: String, host: String, port: Int) throws {
        let address = try ListenAddress(text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(host.isEmpty || address.description == text)
    }

    @Test(arguments: ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:9100", "[]:1", "[::1:9100", "a b:1", ":http"])
    func noAddress(_ text: String) {
        #expect { try ListenAddress(text) } throws: { error in
            guard case ExporterError.badFlag(let message) = error else { return false }
            return message.contains("such as 127.0.0.1:10120") && !message.contains("\n")
        }
    }
}

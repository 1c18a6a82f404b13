import Foundation
import MetricsModel
import MetricsQuery
import Readings
import TestSupport
import Testing

@testable import Exporter

/// The page for people: correct, safe, and readable without a script.
@Suite struct StatusPageTests {
    @Test func theStatesOfAServer() throws {
        let place = DataPlace()
        let exporter = try TestExporter(place)
        #expect(try exporter.get("/").text.contains("No plugin has run in \(place.path) yet."))
        let host = try place.server()
        try host.ask("auth user=text:alice ok=0 reason=text:credentials")
        // From its first heartbeat on.
        try eventually("it is up") { try exporter.get("/").text.contains("✓ The plugin has been up for") }
        host.process.kill(SIGSTOP)
        try eventually("it is stuck") { try exporter.get("/").text.contains("✕ The plugin is stuck") }
        host.kill()
        #expect(try exporter.get("/").text.contains("✕ The plugin is down: its server died"))
        try place.server().shutDown()
        #expect(try exporter.get("/").text.contains("✕ The plugin is down: it was shut down"))
    }

    @Test func nothingOfAnEventIsShown() throws {
        let place = DataPlace()
        let host = try place.server(["IDENTITIES": "plain"])
        let exporter = try TestExporter(place)
        let names = ["<script>alert(1)</script>", "\" onload=x", "alice-the-user"]
        for name in names {
            let word = ServerHost.encoded(name)
            try host.ask("auth user=text:\(word) ok=0 reason=text:\(word)")
            try host.ask("register user=text:\(word) identity=text:\(word)")
        }
        let before = try exporter.get("/").text
        try host.shutDown()
        for text in [before, try exporter.get("/").text] {
            for name in names { #expect(!text.contains(name)) }
            #expect(!text.contains("<script"))
            #expect(!text.contains("alice"))
        }
    }

    @Test func itsPolicyAllowsItsStyleAndNothingElse() throws {
        let exporter = try TestExporter()
        let answer = try exporter.get("/")
        #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
        let policy = try #require(answer.headers["content-security-policy"])
        #expect(policy.hasPrefix("default-src 'none';"))
        #expect(!policy.contains("unsafe") && !policy.contains("script-src"))
        #expect(answer.headers["cache-control"] == "no-store")
        let text = answer.text
        let start = try #require(text.range(of: "<style>")?.upperBound)
        let end = try #require(text.range(of: "</style>")?.lowerBound)
        let place = TemporaryDirectory()
        try overwrite(place("style"), with: Array(text[start..<end].utf8))
        let hash = try shell("openssl dgst -sha256 -binary \"$FILE\" | base64", environment: ["FILE": place("style")])
        #expect(policy.contains("'sha256-\(hash.text.trimmingCharacters(in: .newlines))'"))
        // No style, script or image from elsewhere, and no style outside the style element.
        for part in [" style=", "src=", "url(", "@import", "http:", "https:", "javascript:"] {
            #expect(!text.contains(part), "\(part)")
        }
    }

    @Test func everyoneCanReadIt() throws {
        let place = DataPlace()
        let host = try place.server()
        _ = try host.tally("drive threads=1 calls=300 seed=2")
        try host.ask("shutdown")
        let text = try TestExporter(place).get("/").text
        #expect(text.contains("<html lang=\"en\">"))
        #expect(text.contains("name=\"viewport\" content=\"width=device-width"))
        #expect(text.contains("prefers-color-scheme:dark"))
        #expect(text.contains("<main id=\"main\">") && text.contains("href=\"#main\""))
        // Every image has a name, and its numbers as a table.
        let pictures = text.components(separatedBy: "<svg").count - 1
        #expect(pictures == 4)
        #expect(text.components(separatedBy: "role=\"img\" aria-labelledby=").count - 1 == pictures)
        #expect(text.components(separatedBy: "<details><summary>As a table").count - 1 == pictures)
        // Every element that is opened is closed.
        for tag in [
            "div", "p", "table", "tr", "td", "th", "dl", "dt", "dd", "figure", "svg", "details", "main", "a", "ul", "li", "nav",
            "span", "small",
        ] {
            let opened = text.components(separatedBy: "<\(tag)>").count + text.components(separatedBy: "<\(tag) ").count
            #expect(opened - 1 == text.components(separatedBy: "</\(tag)>").count, "\(tag)")
        }
    }

    @Test func itRefreshesOnlyWhereToldTo() throws {
        let exporter = try TestExporter()
        #expect(try !exporter.get("/").text.contains("http-equiv=\"refresh\""))
        #expect(try exporter.get("/?refresh").text.contains("http-equiv=\"refresh\" content=\"30\""))
    }

    /// What a description list says: `Failed logins` in the section of a window.
    private func fact(_ name: String, in page: String) throws -> String {
        let start = try #require(page.range(of: "<dt>\(name)</dt><dd>")?.upperBound, "\(name)")
        return String(page[start...].prefix { $0 != "<" }).trimmingCharacters(in: .whitespaces)
    }

    /// The section of the time range.
    private func window(_ exporter: TestExporter, _ range: String = "1h") throws -> String {
        let page = try exporter.get("/?range=\(range)").text
        let start = try #require(page.range(of: "aria-label=\"Time range\"")?.upperBound)
        let end = try #require(page.range(of: "<h2>Since the counters began")?.lowerBound)
        return String(page[start..<end])
    }

    /// The exporter knows what happened before it was started, and what is in a dead server's log.
    @Test("The window is the log's, not the exporter's", arguments: ["1h", "24h", "7d", "30d"])
    func windowIsTheLogs(range: String) throws {
        let place = DataPlace()
        let host = try place.server()
        for _ in 0..<7 { try host.ask("auth user=text:alice ok=0 reason=text:credentials") }
        for _ in 0..<4 { try host.ask("auth user=text:bob ok=1") }
        for _ in 0..<3 { try host.ask("fetch count=1") }
        try host.ask("shutdown")
        do {
            let page = try window(TestExporter(place), range)
            #expect(try fact("Logins", in: page) == "11")
            #expect(try fact("Failed logins", in: page) == "7")
            #expect(try fact("Fetches", in: page) == "3")
            #expect(page.contains("<code>credentials</code></th><td class=\"n\">7</td>"))
        }
        host.kill()
        // Another exporter, which has only ever seen the server dead.
        let page = try window(TestExporter(place), range)
        #expect(try fact("Failed logins", in: page) == "7")
        #expect(page.components(separatedBy: "<svg").count - 1 == 4)
    }

    @Test func aRangeThatIsNoneIsTheHour() throws {
        let exporter = try TestExporter()
        for query in ["range=2h", "range=", "range", "refresh&range=%3Cb%3E", ""] {
            #expect(try exporter.get("/?\(query)").text.contains("<h2>The last hour</h2>"), "\(query)")
        }
        #expect(try exporter.get("/?range=7d&refresh").text.contains("<h2>The last 7 days</h2>"))
        #expect(try exporter.get("/?range=7d&refresh").text.contains("<a href=\"/?range=24h&amp;refresh\">"))
    }

    @Test func problemsComeFirstWithTheirCure() throws {
        let place = DataPlace()
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "5s"])
        _ = try host.tally("drive threads=1 calls=60000 seed=1")
        try host.shutDown()
        let page = try TestExporter(place).get("/").text
        let problems = try #require(page.range(of: "<h2>Problems</h2>")?.upperBound)
        let now = try #require(page.range(of: "<h2>Now</h2>")?.lowerBound)
        let text = page[problems..<now]
        #expect(text.contains("dropped within the last hour") && text.contains("raise QPC_METRICS_PLUGIN_RING_SIZE"))
        #expect(text.contains("The plugin was shut down: start the server with it.") && text.contains("Runbook: QpcPluginDown"))
    }

    @Test func itSaysWhichServerAndWhichDirectory() throws {
        let place = DataPlace()
        let exporter = try TestExporter(place)
        #expect(try exporter.get("/").text.contains("No plugin has run in \(place.path) yet."))
        let host = try place.server()
        try host.shutDown()
        let page = try exporter.get("/").text
        #expect(page.contains("<span class=\"path\">\(place.path)</span>"))
        #expect(page.contains("<h1>quicprochat on \(ProcessInfo.processInfo.hostName.split(separator: ".")[0])"))
    }

    /// Each step's events add up to what a plain count finds, wherever a step cuts a minute.
    @Test(arguments: TrafficHistory.Span.allCases)
    func stepsAddUp(span: TrafficHistory.Span) throws {
        let place = DataPlace()
        let host = try place.server(["IDENTITIES": "none"])
        _ = try host.tally("drive threads=2 calls=3000 seed=5")
        try host.shutDown()
        let log = try #require(try DataSource(directory: place.path).log())
        let now = Int64(Date().timeIntervalSince1970 * 1e6)
        for end in [now, now + 17_123_456, now + 59_000_000] {
            let history = try TrafficHistory.read(log, span, now: end)
            let counts = try place.tool.rows()
            #expect(history.steps.reduce(0) { $0 + $1.messages } == Int64(counts[0] + counts[1]))
            #expect(history.steps.reduce(0) { $0 + $1.logins } == Int64(counts[2]))
            #expect(history.steps.reduce(0) { $0 + $1.fetches } == Int64(counts[4]))
            #expect(history.steps.reduce(0) { $0 + $1.failedLogins } == history.stats.failedLogins)
            #expect(history.failures.reduce(0) { $0 + $1.events } == history.stats.failedLogins)
            let known = history.steps.reduce(0) { $0 + $1.seconds }
            #expect(known > 0 && known <= Double(span.seconds))
        }
        // Long afterwards, none of it is in the window.
        let later = try TrafficHistory.read(log, span, now: now + 32 * 86_400_000_000)
        #expect(later.steps.allSatisfy { $0.messages == 0 } && later.stats.sum == 0)
    }
}

import Foundation
import MetricsModel
import Readings
import TestSupport
import Testing

@testable import Exporter

/// The page for people: true, safe, and readable without a script.
@Suite struct StatusPageTests {
    @Test func theStatesOfAServer() throws {
        let place = DataPlace()
        let exporter = try TestExporter(place)
        #expect(try exporter.get("/").text.contains("No plugin has run in the data directory yet."))
        let host = try place.server()
        try host.ask("auth user=text:alice ok=0 reason=text:credentials")
        // From its first heartbeat on.
        try eventually("it is up") { try exporter.get("/").text.contains("✓ The plugin is up") }
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
        // No style, script or picture from elsewhere, or outside of the style element.
        for part in [" style=", "src=", "url(", "@import", "http:", "https:", "javascript:"] {
            #expect(!text.contains(part), "\(part)")
        }
    }

    @Test func everyoneCanReadIt() throws {
        let exporter = try TestExporter()
        let text = try exporter.get("/").text
        #expect(text.contains("<html lang=\"en\">"))
        #expect(text.contains("name=\"viewport\" content=\"width=device-width"))
        #expect(text.contains("prefers-color-scheme:dark"))
        #expect(text.contains("<main id=\"main\">") && text.contains("href=\"#main\""))
        // Every picture has a name, and its numbers as a table.
        let pictures = text.components(separatedBy: "<svg").count - 1
        #expect(pictures == 4)
        #expect(text.components(separatedBy: "role=\"img\" aria-labelledby=").count - 1 == pictures)
        #expect(text.components(separatedBy: "<details><summary>As a table").count - 1 == pictures)
        // What is opened is closed.
        for tag in ["div", "p", "table", "tr", "td", "th", "dl", "dt", "dd", "figure", "svg", "details", "main", "a", "ul"] {
            let opened = text.components(separatedBy: "<\(tag)>").count + text.components(separatedBy: "<\(tag) ").count
            #expect(opened - 1 == text.components(separatedBy: "</\(tag)>").count, "\(tag)")
        }
    }

    @Test func itRefreshesOnlyWhereToldTo() throws {
        let exporter = try TestExporter()
        #expect(try !exporter.get("/").text.contains("http-equiv=\"refresh\""))
        #expect(try exporter.get("/?refresh").text.contains("http-equiv=\"refresh\" content=\"30\""))
    }

    @Test func ratesAreOfWhatHappened() {
        var history = History(capacity: 100)
        var snapshot = MetricsSnapshot()
        for second in stride(from: 0.0, through: 60, by: 5) {
            snapshot.counters[CounterIndex.events(.fetch)] = UInt64(second) * 10
            history.add(History.Sample(snapshot, seconds: 1000 + second))
        }
        let rates = history.rates(of: { $0.fetches }, now: 1060, span: 120, parts: 12)
        #expect(rates.prefix(6).dropLast().allSatisfy { $0 == nil })
        #expect(rates.suffix(6).allSatisfy { abs(($0 ?? 0) - 10) < 1e-9 })
        #expect(history.rise(of: { $0.fetches }) == 600)
        #expect(history.samples.count == 13)
    }

    @Test func aRingForgetsItsOldest() {
        var history = History(capacity: 3)
        for second in 0..<10 { history.add(History.Sample(MetricsSnapshot(), seconds: Double(second))) }
        #expect(history.samples.map(\.seconds) == [7, 8, 9])
    }

    @Test func aCounterThatBeganAnewIsNoFall() {
        var history = History(capacity: 10)
        var snapshot = MetricsSnapshot()
        for (second, value) in [(0, 100), (1, 200), (2, 5)] {
            snapshot.counters[CounterIndex.events(.fetch)] = UInt64(value)
            history.add(History.Sample(snapshot, seconds: Double(second)))
        }
        #expect(history.rise(of: { $0.fetches }) == 105)
    }
}

import Foundation
import TestSupport
import Testing

/// The status page as a browser lays it out: for touch, keyboard and screen reader, in light and dark.
///
/// `QPC_SCREENSHOTS` names a directory for screenshots to look at; `QPC_STATUS_PAGE` is the address of another exporter to
/// take screenshots of, one that has run for an hour.
@Suite struct StatusPageInBrowserTests {
    let place = DataPlace()

    private struct View: CustomStringConvertible {
        var width: Int
        var isDark: Bool
        var isPhone: Bool { width < 600 }
        var description: String { "\(width)-\(isDark ? "dark" : "light")" }

        /// A narrow phone, which is also a desktop zoomed to 400 %; a usual phone; a tablet; a desktop.
        static let all = [320, 390, 768, 1280].flatMap { [View(width: $0, isDark: false), View(width: $0, isDark: true)] }
    }

    private static func isInstalled() throws -> Bool { try Daemon.isInstalled("chromium", for: "the status page in a browser") }

    private func show(_ view: View, _ browser: Browser, _ address: String) throws {
        try browser.show(width: view.width, height: view.isPhone ? 700 : 900, isPhone: view.isPhone, isDark: view.isDark)
        try browser.open(address)
    }

    private func picture(_ browser: Browser, _ name: String) throws {
        guard let directory = BuiltProducts.setting("QPC_SCREENSHOTS") else { return }
        try browser.screenshot(directory + "/\(name).png")
    }

    private func expectReadable(_ facts: PageFacts, _ view: View, _ state: String) {
        let what = "\(state), \(view)"
        #expect(facts.pageWidth <= facts.viewWidth, "\(what): it scrolls sideways")
        #expect(facts.beyond.isEmpty, "\(what): \(facts.beyond)")
        #expect(facts.smallestText.value >= 11, "\(what): \(facts.smallestText)")
        // WCAG 2.2: contrast 1.4.3, targets 2.5.8.
        #expect(facts.lowestContrast.value >= 4.5, "\(what): \(facts.lowestContrast)")
        #expect(facts.lowestTarget.value >= 24, "\(what): \(facts.lowestTarget)")
        #expect(view.isDark ? facts.brightness < 0.1 : facts.brightness > 0.8, "\(what): \(facts.brightness)")
        // Without a log there is nothing to draw.
        let columns = state == "not-started" ? 0 : view.width < 900 ? 1 : 2
        #expect(facts.chartColumns == columns, "\(what): \(facts.chartColumns)")
        #expect(facts.scripts == 0)
    }

    @Test func itCanBeReadOnEveryScreenAndInEveryState() throws {
        guard try Self.isInstalled() else { return }
        let browser = try Browser()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let address = try "http://\(serve.addresses()[0])/"
        func look(_ state: String, at address: String) throws {
            for view in View.all {
                try show(view, browser, address)
                expectReadable(try browser.evaluate(PageFacts.script, as: PageFacts.self), view, state)
                // Nothing is loaded from elsewhere: only the page, and its empty icon.
                let others = browser.requests.filter { $0 != address && !$0.hasPrefix("data:") }
                #expect(others.isEmpty && browser.complaints.isEmpty, "\(others) \(browser.complaints)")
                try picture(browser, "\(state)-\(view)")
            }
        }
        try look("not-started", at: address)
        let host = try place.server(["RING_SIZE": "64KiB"])
        // More than small rings can hold: some events are dropped, and the page says so.
        _ = try host.tally("drive threads=2 calls=100000 seed=9")
        try eventually("it is up") { try LoopbackHTTP.get(Self.port(address), "/").text.contains("has been up") }
        if let other = BuiltProducts.setting("QPC_STATUS_PAGE") { try look("hour", at: other) }
        try look("up", at: address)
        host.kill()
        try look("down", at: address)
    }

    private static func port(_ address: String) -> UInt16 { UInt16(address.split { ":/".contains($0) }.last!) ?? 0 }

    @Test func aScreenReaderFindsItsWay() throws {
        guard try Self.isInstalled() else { return }
        let browser = try Browser()
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let address = try "http://\(serve.addresses()[0])/"
        try eventually("it is up") { try LoopbackHTTP.get(Self.port(address), "/").text.contains("has been up") }
        try show(View(width: 1280, isDark: false), browser, address)
        let tree = try browser.accessibilityTree()
        func names(_ role: String) -> [String] { tree.filter { $0.role == role }.map(\.name) }
        for landmark in ["banner", "main", "contentinfo"] { #expect(names(landmark).count == 1, "\(landmark)") }
        #expect(names("RootWebArea").first?.hasPrefix("Up: qpc-metrics on ") == true)
        let headings = names("heading")
        #expect(headings.first?.hasPrefix("quicprochat on ") == true)
        #expect(headings.dropFirst() == ["Now", "The last hour", "Since the counters began", "Endpoints"])
        #expect(names("navigation") == ["Time range"])
        #expect(names("status").count == 1)
        let charts = ["Messages, per second", "Logins, per minute", "Fetches, per second", "Dropped, events"]
        #expect(names("image") == charts)
        let links = names("link")
        #expect(links == Self.links + ["/metrics", "/-/healthy", "/-/ready"])
        #expect(names("columnheader") == ["Path", "Content"])
        #expect(names("rowheader") == ["/metrics", "/-/healthy", "/-/ready"])
        #expect(names("table") == ["Endpoints"])
        // A description list of terms and their current values.
        #expect(names("term").count >= 10)
        try host.shutDown()
    }

    private static let links = ["Skip to content", "Refresh", "every 30 seconds", "24 hours", "7 days", "30 days"]

    @Test func theKeyboardReachesEverythingAndIsSeen() throws {
        guard try Self.isInstalled() else { return }
        let browser = try Browser()
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        for view in View.all where view.width != 768 {
            try show(view, browser, "http://\(serve.addresses()[0])/")
            var seen: [String] = []
            for _ in 0..<30 {
                try browser.press("Tab", code: 9)
                let focus = try browser.evaluate(FocusFacts.script, as: FocusFacts.self)
                // After the last element focus goes to the browser itself or, as there is no window, back to the first element.
                if focus.tag == "BODY" || focus.text == seen.first { break }
                #expect(focus.outlineWidth >= 2 && focus.isInView, "\(view): \(focus)")
                if seen.isEmpty { try picture(browser, "focus-\(view)") }
                seen.append(focus.text)
            }
            #expect(
                seen == Self.links + [
                    "As a table", "As a table", "As a table", "As a table", "/metrics", "/-/healthy", "/-/ready",
                ], "\(view)")
        }
        try host.shutDown()
    }

    @Test func whatIsSkippedIsSkippedAndTablesOpenByKeyboard() throws {
        guard try Self.isInstalled() else { return }
        let browser = try Browser()
        let host = try place.server()
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let view = View(width: 320, isDark: true)
        try show(view, browser, "http://\(serve.addresses()[0])/")
        // Skip to the content, and to what can be reached first there.
        try browser.press("Tab", code: 9)
        try browser.press("Enter", code: 13)
        // The other time ranges.
        for _ in 0..<3 { try browser.press("Tab", code: 9) }
        for _ in 0..<4 {
            try browser.press("Tab", code: 9)
            let focus = try browser.evaluate(FocusFacts.script, as: FocusFacts.self)
            #expect(focus.tag == "SUMMARY", "\(focus)")
            try browser.press("Enter", code: 13)
        }
        let tables = try browser.accessibilityTree().filter { $0.role == "table" }.map(\.name)
        #expect(tables.count == 5 && tables.contains("Messages, per second, UTC"), "\(tables)")
        // The page also fits with its tables open.
        expectReadable(try browser.evaluate(PageFacts.script, as: PageFacts.self), view, "open tables")
        try picture(browser, "open-\(view)")
        try host.shutDown()
    }
}

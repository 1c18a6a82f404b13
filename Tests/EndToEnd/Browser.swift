import Foundation
import TestSupport

/// Debian's Chromium, headless, driven over its DevTools protocol. One page, one thread at a time.
final class Browser {
    struct Node {
        var role: String
        var name: String
    }

    private let place = TemporaryDirectory()
    private let child: ChildProcess
    private var lastID = 0
    private var session: String?
    /// Events that the browser has sent since the page was opened.
    private var events: [[String: Any]] = []

    init() throws {
        try overwrite(place("errors"), with: [])
        // Chromium reads messages from descriptor 3 and writes them to 4, each ended by a zero byte; here they are lines.
        let pipes = """
            stdbuf -o0 tr '\\n' '\\0' | chromium "$@" 3<&0 4>&1 </dev/null >/dev/null | stdbuf -o0 tr '\\0' '\\n'
            """
        child = try ChildProcess(
            [
                "/bin/bash", "-c", pipes, "bash", "--headless=new", "--remote-debugging-pipe", "--disable-gpu",
                "--user-data-dir=\(place("profile"))", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                // Nothing but this machine is reachable. As root, as in a container, Chromium cannot use its sandbox.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ] + (geteuid() == 0 ? ["--no-sandbox"] : []) + ["about:blank"],
            environment: ["HOME": place.path], errorFile: place("errors"))
        let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] as? String ?? ""
        session = try call("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Network", "Log", "Runtime", "Accessibility"] { try call(domain + ".enable") }
    }

    deinit {
        session = nil
        // It then exits by itself, with all its processes.
        _ = try? call("Browser.close")
        child.closeInput()
        child.wait(within: 20)
    }

    // MARK: The page

    /// A screen of this width, in CSS pixels, with a preference for light or dark.
    func show(width: Int, height: Int, isPhone: Bool, isDark: Bool) throws {
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": isPhone ? 2 : 1, "mobile": isPhone])
        let scheme = ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]
        try call("Emulation.setEmulatedMedia", ["features": [scheme]])
    }

    func open(_ address: String) throws {
        events = []
        try call("Page.navigate", ["url": address])
        while !events.contains(where: { $0["method"] as? String == "Page.loadEventFired" }) { _ = try receive() }
    }

    /// Evaluates a script expression and returns its value, by way of JSON.
    func evaluate<Value: Decodable>(_ expression: String, as type: Value.Type) throws -> Value {
        let answer = try call("Runtime.evaluate", ["expression": "JSON.stringify(\(expression))", "returnByValue": true])
        guard let text = (answer["result"] as? [String: Any])?["value"] as? String else {
            throw TestFailure("the page's script failed: \(answer)")
        }
        return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    func press(_ key: String, code: Int) throws {
        let event: [String: Any] = ["key": key, "code": key, "windowsVirtualKeyCode": code]
        try call("Input.dispatchKeyEvent", event.merging(["type": "keyDown", "text": key == "Enter" ? "\r" : ""]) { $1 })
        try call("Input.dispatchKeyEvent", event.merging(["type": "keyUp"]) { $1 })
    }

    /// What a screen reader announces.
    func accessibilityTree() throws -> [Node] {
        let nodes = try call("Accessibility.getFullAXTree")["nodes"] as? [[String: Any]] ?? []
        func text(_ node: [String: Any], _ property: String) -> String {
            (node[property] as? [String: Any])?["value"] as? String ?? ""
        }
        return nodes.filter { $0["ignored"] as? Bool != true }.map { Node(role: text($0, "role"), name: text($0, "name")) }
    }

    /// The addresses that the page requested, and what the browser complained about.
    var requests: [String] {
        parameters("Network.requestWillBeSent").compactMap { ($0["request"] as? [String: Any])?["url"] as? String }
    }
    var complaints: [String] {
        parameters("Log.entryAdded").map { "\($0)" } + parameters("Runtime.exceptionThrown").map { "\($0)" }
    }

    private func parameters(_ method: String) -> [[String: Any]] {
        events.filter { $0["method"] as? String == method }.compactMap { $0["params"] as? [String: Any] }
    }

    /// The whole page as a picture.
    func screenshot(_ file: String) throws {
        let answer = try call("Page.captureScreenshot", ["captureBeyondViewport": true])
        guard let data = (answer["data"] as? String).flatMap({ Data(base64Encoded: $0) }) else {
            throw TestFailure("no picture")
        }
        try overwrite(file, with: [UInt8](data))
    }

    // MARK: Messages

    @discardableResult
    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        lastID += 1
        let id = lastID
        var message: [String: Any] = ["id": id, "method": method, "params": parameters]
        message["sessionId"] = session
        try child.send(String(decoding: JSONSerialization.data(withJSONObject: message), as: UTF8.self) + "\n")
        while true {
            let answer = try receive()
            guard answer["id"] as? Int == id else { continue }
            if let error = answer["error"] { throw TestFailure("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func receive() throws -> [String: Any] {
        guard let line = try child.line(within: 60) else {
            throw TestFailure("chromium has ended: \(try String(decoding: read(place("errors")), as: UTF8.self).suffix(2000))")
        }
        guard let message = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw TestFailure("no message: \(line)")
        }
        if message["method"] != nil { events.append(message) }
        return message
    }
}

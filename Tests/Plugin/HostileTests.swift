import Foundation
import TestSupport
import Testing

/// Input that no honest server sends. The host's memory ends where an unreadable page begins.
@Suite struct HostileTests {
    let place = DataPlace()

    @Test(
        "Nothing crashes, each event is counted, the log can be read",
        arguments: [(1, "plain"), (2, "pseudonym"), (3, "none"), (77, "plain")] as [(UInt64, String)])
    func hostile(seed: UInt64, mode: String) throws {
        let host = try place.server(["IDENTITIES": mode])
        let tally = try host.tally("hostile seed=\(seed) rounds=400 huge_counts=1")
        #expect(tally.calls.reduce(0, +) > 3000)
        try host.shutDown()

        var expected = tally.events
        // For a batch with an impossible count, the host counts its two real messages; the plugin accepts none.
        expected[1] -= 8
        // A registration with only null fields still counts as a registration.
        expected[5] = tally.calls[5]
        let metrics = try place.tool.exposition()
        for (index, kind) in eventKinds.enumerated() {
            #expect(try metrics.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == expected[index])
            #expect(metrics.sum("qpc_plugin_events_dropped_total", "kind=\"\(kind)\"") == 0)
        }
        #expect(try metrics.value("qpc_hook_calls_total{hook=\"batch_enqueue\"}") == tally.calls[1])
        #expect(try place.tool.rows() == expected)
        try place.tool.verify()
        try expectReadable(expected.reduce(0, +))
    }

    /// Checked with parsers other than the product's.
    private func expectReadable(_ count: UInt64) throws {
        let events = try place.tool.events()
        #expect(UInt64(events.count) == count)
        let json = try place.tool.succeed("events", "-o", "json").output
        #expect(try JSONDecoder().decode([LoggedEvent].self, from: Data(json)) == events)
        // A line separator or a control character inside a value would break whatever reads line by line.
        let ndjson = try place.tool.succeed("events", "-o", "ndjson").text
        #expect(ndjson.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        #expect(!ndjson.unicodeScalars.contains { [0x2028, 0x2029, 0x85, 0x9B].contains($0.value) })
        let csv = try place.tool.succeed("events", "-o", "csv").output
        #expect(String(validating: csv, as: UTF8.self) != nil)
        let metrics = try place.tool.succeed("prometheus").text
        #expect(!metrics.contains("forged"))
        for event in events {
            for (name, value) in event where identityFields.contains(name) && name != "user" {
                #expect((value.text?.utf8.count ?? 0) <= 8192)
                #expect(bytes(hexadecimal: value.text ?? "x") != nil, "\(name) \(value)")
            }
        }
        #expect(try place.log.query("PRAGMA integrity_check") == [["ok"]])
        #expect(UInt64(try place.log.query("SELECT count(*) FROM events")[0][0]) == count)
    }

    @Test func brokenTextIsRepaired() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        let reasons = ["ff", "636c6970e282", "c0af", "eda080", "61006200", "0a0d1b5b324a"]
        for reason in reasons { try host.ask("auth user=text:zed ok=0 reason=\(reason)") }
        try host.shutDown()
        let found = try place.tool.events().map { $0["reason"]?.text ?? "" }
        // Invalid text becomes U+FFFD; a character that was cut in two is dropped.
        #expect(found[0].unicodeScalars.allSatisfy { $0.value == 0xFFFD })
        #expect(found[1] == "clip" || found[1] == "clip\u{FFFD}")
        #expect(!found[2].isEmpty && found[2].unicodeScalars.allSatisfy { $0.value == 0xFFFD })
        #expect(!found[3].isEmpty && found[3].unicodeScalars.allSatisfy { $0.value == 0xFFFD })
        #expect(found[4] == "a\0b\0")
        #expect(found[5] == "\n\r\u{1B}[2J")
        let raw = try place.tool.succeed("events", "-o", "ndjson").text
        #expect(raw.contains("\\u001b[2J") && raw.contains("\\u0000"))
    }

    @Test func longTextIsCutAndStaysText() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        let long = String(repeating: "é", count: 5000)
        try host.ask("auth user=\(hex(long.utf8)) ok=0 reason=\(hex(("x" + long).utf8))")
        try host.shutDown()
        let event = try #require(place.tool.events().first)
        let user = try #require(event["user"]?.text)
        let reason = try #require(event["reason"]?.text)
        #expect(user.utf8.count >= 64 && user.utf8.count < 1000 && long.hasPrefix(user))
        #expect(reason.utf8.count >= 64 && reason.utf8.count < 1000 && ("x" + long).hasPrefix(reason))
    }

    @Test func controlCharactersNeverReachATerminalRaw() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        _ = try host.ask("hostile seed=5 rounds=50")
        try host.ask("auth user=text:%1b[31mred%07%0d%0abell ok=0 reason=text:%9b2J%c2%9b2J%e2%80%aeltr%22quoted%22")
        try host.shutDown()
        for format in ["table", "json", "ndjson", "csv"] {
            for color in ["never", "always", "auto"] {
                let command = "\(BuiltProducts.commandLine) events --dir \(place.path) -o \(format) --color \(color) --no-pager"
                // A pseudo-terminal, whose line discipline writes CR LF.
                let shown = try run(["script", "-qec", command, "/dev/null"], environment: ["TERM": "xterm"])
                #expect(shown.status == 0)
                let text = Self.withoutColours(shown.text, allowed: color != "never")
                let bad = text.unicodeScalars.filter { Self.isUnsafe($0.value) }
                #expect(bad.isEmpty, "\(format) \(color): \(bad.prefix(5).map { String($0.value, radix: 16) })")
                #expect(text.unicodeScalars.count { $0 == "\n" } > 400)
            }
        }
    }

    /// Removes the sequences with which the product itself adds colour.
    private static func withoutColours(_ text: String, allowed: Bool) -> String {
        guard allowed else { return text }
        return text.replacingOccurrences(of: "\u{1B}\\[[0-9;]*m", with: "", options: .regularExpression)
    }

    private static func isUnsafe(_ scalar: UInt32) -> Bool {
        (scalar < 0x20 && scalar != 0x0A && scalar != 0x0D) || (0x7F...0x9F).contains(scalar)
            || (0x202A...0x202E).contains(scalar) || (0x2066...0x2069).contains(scalar)
            || scalar == 0x2028 || scalar == 0x2029
    }

    @Test func aTextOnATerminalCannotBeColouredFromOutside() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        try host.ask("auth user=text:%1b[31mred ok=1")
        try host.shutDown()
        let command = "\(BuiltProducts.commandLine) events --dir \(place.path) -r --color never --no-pager"
        let shown = try run(["script", "-qec", command, "/dev/null"], environment: ["TERM": "xterm"])
        #expect(!shown.text.contains("\u{1B}") && shown.text.contains("[31mred"))
    }
}

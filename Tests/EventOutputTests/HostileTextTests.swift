import EventOutput
import MetricsModel
import Readings
import Terminal
import Testing

/// User names and reasons come from anyone who tries to log in.
@Suite struct HostileTextTests {
    private static let hostile: [UInt8] =
        Array("a\u{1B}[2J\n\r\t\0\u{7F}\u{9B}31m\u{202E}\u{2028}\u{FEFF}\u{E0041}\\\"é😀".utf8)
        + [0xFF, 0xC0, 0xAF, 0xE2, 0x82, 0xED, 0xA0, 0x80, 0xF4, 0x90, 0x80, 0x80, 0x41, 0xC3]

    private static func events(_ bytes: [UInt8]) -> [LoggedEvent] {
        [
            Sample.event(
                .auth,
                [Sample.immortal(bytes), .flag(false), Sample.immortal(bytes)])
        ]
    }

    /// Whether a terminal would see no control character but the writer's own line ends.
    private func isSafe(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x0A, 0x0D: true
            case 0..<0x20, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                false
            case 0xE0000...0xE007F: false
            default: true
            }
        }
    }

    @Test func jsonEscapesIt() throws {
        let text = try Sample.print(.ndjson, HostileTextTests.events(HostileTextTests.hostile))
        let replaced =
            String(repeating: "\u{FFFD}", count: 3) + "\u{FFFD}"
            + String(repeating: "\u{FFFD}", count: 7)
        #expect(
            text.hasSuffix(
                #""ok":false,"reason":"a\u001b[2J\n\r\t\u0000\u007f\u009b31m\u202e\u2028\ufeff\udb40\udc41\\\"é😀"#
                    + replaced + "A\u{FFFD}\"}\n"))
        #expect(isSafe(text))
    }

    @Test func tableShowsIt() throws {
        let text = try Sample.print(.table, HostileTextTests.events(HostileTextTests.hostile))
        #expect(
            text.hasSuffix(
                #"failed: a\x1b[2J\n\r\t\x00\x7f\u{9b}31m\u{202e}\u{2028}\u{feff}\u{e0041}\\"é😀"#
                    + #"\xff\xc0\xaf\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80A\xc3"# + "\n"))
        #expect(isSafe(text))
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test func csvKeepsItInAFileAndShowsItOnATerminal() throws {
        let events = HostileTextTests.events(Array("a\u{1B}[2J\n\"b\"".utf8))
        let file = try Sample.print(.csv, events)
        #expect(file.contains(",\"a\u{1B}[2J\n\"\"b\"\"\",false,"))
        let terminal = try Sample.print(.csv, events, toTerminal: true)
        #expect(terminal.contains(#","a\x1b[2J\n""b""",false,"#))
        #expect(isSafe(terminal))
    }

    @Test func everyByteAndEveryScalarIsSafeInEveryFormat() throws {
        var bytes: [[UInt8]] = (0...255).map { [UInt8($0)] }
        for scalar in stride(from: UInt32(0), to: 0x110000, by: 1)
        where scalar < 0x3000 || scalar % 251 == 0 {
            if let scalar = Unicode.Scalar(scalar) { bytes.append(Array(String(scalar).utf8)) }
        }
        for bytes in bytes {
            let events = HostileTextTests.events(bytes)
            for format in OutputFormat.allCases {
                let text = try Sample.print(format, events, toTerminal: true)
                if !isSafe(text) || text == "not UTF-8" { Issue.record("\(format): \(bytes)") }
            }
        }
    }

    @Test func otherCommandsEscapeAlike() throws {
        let bytes = Array("a\u{1B}\"".utf8)
        #expect(JSON.quoted("a\u{1B}\"") == #""a\u001b\"""#)
        #expect(VisibleText.escaped(bytes).bytes == Array(#"a\x1b""#.utf8))
        #expect(VisibleText.escaped(Array("abcdef".utf8), limit: 4) == (Array("abc…".utf8), 4))
        let output = OutputBuffer(keepingForTerminal: false)
        try output.write([0x61, 0x0A])
        #expect(output.bytes == [0x61, 0x0A])
    }

    @Test func emptyTextIsNotAbsent() throws {
        let events = [Sample.event(.auth, [Sample.text(""), .flag(true), .absent])]
        #expect(try Sample.print(.csv, events).hasSuffix(",,,,,,,,\"\",true,,,,,,\r\n"))
        #expect(try Sample.print(.ndjson, events).hasSuffix("\"user\":\"\",\"ok\":true}\n"))
    }
}

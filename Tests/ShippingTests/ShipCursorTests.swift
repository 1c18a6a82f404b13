import Glibc
import TestSupport
import Testing

@testable import Shipping

@Suite struct ShipCursorTests {
    private let place = TemporaryDirectory()

    private func cursor() -> ShipCursor {
        var cursor = ShipCursor(target: "clickhouse+http://db:8123/qpc", server: "chat 1")
        cursor.log = "/var/lib/a b"
        cursor.began = 7
        cursor.branch = (0..<16).map { 16 * UInt8($0) }
        cursor.sent = 65_535
        cursor.sending = 131_071
        return cursor
    }

    @Test func aCursorIsReadAsItWasWritten() throws {
        let file = try ShipCursorFile(place("cursor"))
        #expect(try file.read() == nil)
        var cursor = cursor()
        try file.write(cursor)
        #expect(try file.read() == cursor)
        cursor.sending = nil
        try file.write(cursor)
        #expect(try file.read() == cursor)
        let fresh = ShipCursor(target: "a", server: "b")
        try file.write(fresh)
        #expect(try file.read() == fresh)
        // Also under a umask of 0077: doctor may be run by the group.
        #expect(permissions(place("cursor")) == 0o640)
        #expect(names(in: place.path) == ["cursor", "cursor.lock"])
    }

    @Test func anUnfinishedFileOfAnEarlierRunIsReplaced() throws {
        try overwrite(place("cursor.new"), with: [1, 2, 3])
        let file = try ShipCursorFile(place("cursor"))
        try file.write(cursor())
        #expect(try file.read() == cursor())
    }

    @Test func twoCannotUseOne() throws {
        let file = try ShipCursorFile(place("cursor"))
        #expect(throws: ShipCursorError.self) { try ShipCursorFile(place("cursor")) }
        withExtendedLifetime(file) {}
    }

    @Test func whatIsNoCursorIsRefused() throws {
        let text = cursor().text
        let wrong = [
            "", "x", String(text.dropLast()), text.replacing("ship 1", with: "ship 2"),
            text.replacing("sent 65535", with: "sent x"),
            text.replacing("00102030", with: "0010203"), text.replacing("sending 131071", with: "sending 65535"),
            text.replacing("server chat 1\n", with: ""), text.replacing("began 7", with: "began x"),
        ]
        for text in wrong { #expect(ShipCursor(text) == nil, "\(text)") }
        try overwrite(place("cursor"), with: Array("something else\n".utf8))
        let file = try ShipCursorFile(place("cursor"))
        #expect(throws: ShipCursorError.self) { try file.read() }
    }
}

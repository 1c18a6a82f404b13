import EventOutput
import MetricsModel
import Readings
import Terminal
import TimeWords

/// Events for the writers to print.
enum Sample {
    /// 2026-11-22T21:53:34.123456Z
    static let time: Int64 = 1_795_384_414_123_456

    static func text(_ text: String) -> FieldValue { immortal(Array(text.utf8)) }

    /// The bytes are never freed: samples outlive every test.
    static func immortal(_ bytes: [UInt8]) -> FieldValue {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        return .text(InternedText(UnsafeBufferPointer(copy)))
    }

    static func event(
        _ kind: EventKind, _ values: [FieldValue], id: Int64 = 1, time: Int64 = Sample.time
    ) -> LoggedEvent {
        var event = LoggedEvent()
        event.id = id
        event.timeMicroseconds = time
        event.kind = kind
        for (index, value) in values.enumerated() { event.values[index] = value }
        return event
    }

    static let alice = "9f86d081884c7d659a2feaa0c55ad015"
    static let bob = "5e884898da28047151d0e56f8dc62927"
    static let room = "3a7bd3e2360a3d29eea436fcfb7e44c7"

    /// One event of each kind, with all its fields except for a sealed sender.
    static let all = [
        event(
            .messageEnqueue, [text(alice), text(bob), text(room), .number(.max), .number(42)], id: 1
        ),
        event(
            .batchEnqueue,
            [.absent, text(bob), text(room), .number(0), .number(7), .number(2), .number(3)], id: 2,
            time: time + 876_543),
        event(.auth, [text("alice"), .flag(false), text("bad \"password\", again")], id: 3),
        event(.auth, [text("alice"), .flag(true), .absent], id: 4),
        event(.channelCreated, [text(room), text(alice), text(bob), .flag(true)], id: 5),
        event(.fetch, [text(bob), text(room), .number(1)], id: 6),
        event(.userRegistered, [text("alice"), text(alice)], id: .max, time: 0),
    ]

    /// What a format prints for the events.
    static func print(
        _ format: OutputFormat, _ events: [LoggedEvent], toTerminal: Bool = false,
        color: Bool = false,
        full: Bool = true,
        columns: Int? = nil
    ) throws -> String {
        let output = OutputBuffer(keepingForTerminal: toTerminal)
        var options = TableOptions(usesColor: color, showsFullIdentities: full, zone: .fixed(offsetSeconds: 3600))
        options.columns = columns
        let writer = format.writer(into: output, table: options)
        for event in events { try writer.write(event) }
        try writer.finish()
        // Not the decoding that repairs: the bytes must be valid as they are.
        return String(validating: output.bytes, as: UTF8.self) ?? "not UTF-8"
    }
}

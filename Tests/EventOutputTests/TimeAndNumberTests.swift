import EventOutput
import MetricsModel
import Readings
import Terminal
import Testing

@Suite struct TimeAndNumberTests {
    @Test(
        "Times in UTC, in any order",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_384_414_000_001, "2026-11-22T21:53:34.000001Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] as [(Int64, String)])
    func times(time: Int64, expected: String) throws {
        // Printed after others, since the writer caches the last date and second.
        let times = [Sample.time, time, 0, time, time, Sample.time]
        let events = times.map { Sample.event(.auth, [], time: $0) }
        let lines = try Sample.print(.ndjson, events).split(separator: "\n")
        #expect(UTCTime.text(time) == expected)
        for index in [1, 3, 4] { #expect(lines[index].contains("\"time\":\"\(expected)\"")) }
        for index in [0, 5] { #expect(lines[index].contains("2026-11-22T21:53:34.123456Z")) }
    }

    @Test func numbersOfEveryLength() throws {
        var numbers: [UInt64] = [0, 9, .max, .max - 1]
        var power: UInt64 = 10
        for _ in 1..<20 {
            numbers += [power - 1, power, power + 1]
            power = power &* 10
        }
        for number in numbers {
            let event = Sample.event(
                .fetch, [.absent, .absent, .number(number)], id: Int64(number >> 1))
            let line = try Sample.print(.ndjson, [event])
            #expect(
                line.hasPrefix("{\"id\":\(number >> 1),")
                    && line.hasSuffix(",\"count\":\(number)}\n"))
        }
    }

    @Test func jsonKeysAreTheFieldsNames() throws {
        for kind in EventKind.allCases {
            let fields = kind.fields
            let event = Sample.event(kind, fields.map { _ in .number(1) })
            let line = try Sample.print(.ndjson, [event])
            let names = fields.map { ",\"\($0.name)\":1" }.joined()
            #expect(line.hasSuffix("\"kind\":\"\(kind.name)\"\(names)}\n"))
            #expect(fields.map(\.rawValue) == fields.map(\.rawValue).sorted())
        }
    }
}

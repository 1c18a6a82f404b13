import Testing
import TimeWords

@Suite struct DurationAndSizeTests {
    @Test(
        "Durations are read",
        arguments: [
            ("30d", 2_592_000_000_000), ("250ms", 250_000), ("90m", 5_400_000_000),
            ("1h30m", 5_400_000_000), ("2 weeks", 1_209_600_000_000), ("1s", 1_000_000), ("0", 0),
            (" 15s ", 15_000_000), ("0.25s", 250_000), ("1.5 hours 1 s", 5_401_000_000), ("7us", 7),
            ("7µs", 7), ("1M", 2_629_800_000_000), ("1 MIN", 60_000_000),
            ("292271y", 292_271 * 31_557_600_000_000),
        ] as [(String, Int64)])
    func durations(text: String, expected: Int64) throws {
        #expect(try DurationExpression.parse(text) == expected)
    }

    @Test(
        "What is not a duration is refused, with the reason",
        arguments: [
            ("", "it is empty"), ("5", "a number has no unit"), ("-5s", "it cannot be negative"),
            ("s", "does not begin with a number"), ("5x", "unknown unit \"x\""),
            ("5s!", "\"!\" is unexpected"),
            ("1.s", "no digit follows the point"), ("3 days ago", "\"ago\" is unexpected"),
            ("5s-3s", "cannot be negative"), ("292272y", "it is too long"),
            ("292271y 1y", "it is too long"),
        ])
    func badDurations(text: String, why: String) {
        let error = #expect(throws: ExpressionError.self) { try DurationExpression.parse(text) }
        #expect(error?.detail.contains(why) == true, "\(error?.description ?? "")")
    }

    @Test(
        "Sizes are read",
        arguments: [
            ("65536", 65536), ("0", 0), ("512MiB", 536_870_912), ("4GiB", 4_294_967_296),
            ("1G", 1 << 30),
            ("1gib", 1 << 30), ("1GB", 1_000_000_000), ("1.5 GiB", 1_610_612_736), ("64K", 65536),
            ("10 bytes", 10), ("2TiB", 2 << 40), ("0.1KiB", 102), ("8191PiB", 8191 << 50),
        ] as [(String, UInt64)])
    func sizes(text: String, expected: UInt64) throws {
        #expect(try SizeExpression.parse(text) == expected)
    }

    @Test(
        "What is not a size is refused, with the reason",
        arguments: [
            ("", "it is empty"), ("-1G", "cannot be negative"),
            ("G", "does not begin with a number"),
            ("4GX", "unknown unit \"GX\""), ("1G 2M", "unexpected"), ("8192PiB", "too large"),
            ("99999999999999999999", "too large"), ("1.G", "no digit"),
        ])
    func badSizes(text: String, why: String) {
        let error = #expect(throws: ExpressionError.self) { try SizeExpression.parse(text) }
        #expect(error?.detail.contains(why) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasSuffix("expected a size like 65536, 512MiB, 4GiB or 1G") == true)
    }
}

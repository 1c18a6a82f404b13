import Terminal
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        (0.0, "0"), (0.0001, "under 0.001"), (0.042, "0.042"), (1, "1"), (4.256, "4.26"), (42.26, "42.3"),
        (123.4, "123"), (1_234_567.8, "1,234,568"), (0.9999, "1.000"), (.infinity, "-"), (1e19, "-"),
    ])
    func numbersHaveThreeDigitsThatSaySomething(value: Double, text: String) { #expect(Quantity.number(value) == text) }

    @Test(arguments: [
        (UInt64(0), "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (102_297, "99.9 KiB"), (102_399, "100 KiB"),
        (1_048_063, "1023 KiB"), (1_048_064, "1 MiB"), (5 << 20, "5 MiB"), (320_741_376, "306 MiB"), (3 << 40, "3 TiB"),
        (.max, "16 EiB"),
    ])
    func sizesAreShortAndHaveUnits(value: UInt64, text: String) { #expect(Quantity.bytes(value) == text) }

    @Test(arguments: [
        (UInt64(0), "0 s"), (59, "59 s"), (725, "12 min 5 s"), (3600, "1 h"), (12_000, "3 h 20 min"), (86_400, "1 day"),
        (273_600, "3 days 4 h"), (86_405, "1 day 5 s"),
    ])
    func agesHaveTwoUnits(seconds: UInt64, text: String) { #expect(Quantity.age(seconds: seconds) == text) }

    @Test(arguments: [
        (UInt64(30 * 86_400_000_000_000), "30 days"), (86_400_000_000_000, "1 day"), (5_400_000_000_000, "90 min"),
        (43_200_000_000_000, "12 h"), (250_000_000, "250 ms"), (1_500_000_000, "1500 ms"),
    ])
    func settingsAreExact(nanoseconds: UInt64, text: String) { #expect(Quantity.exact(nanoseconds: nanoseconds) == text) }

    @Test(arguments: [(UInt64(0), "0 s"), (90, "90 ns"), (2500, "2.5 µs"), (10_000_000, "10 ms"), (3_200_000_000, "3.2 s")])
    func durationsAreShort(nanoseconds: UInt64, text: String) {
        #expect(Quantity.duration(nanoseconds: nanoseconds) == text)
    }

    @Test func countsHaveSeparatorsAndSingulars() {
        #expect(Quantity.count(1, "event") == "1 event")
        #expect(Quantity.count(0, "event") == "0 events")
        #expect(Quantity.count(12_345, "identity", plural: "identities") == "12,345 identities")
        #expect(Quantity.text(.min) == "-9,223,372,036,854,775,808")
    }

    @Test func changesAndSharesArePercentages() {
        #expect(Quantity.share(1, of: 3) == "33.3 %" && Quantity.share(1, of: 0) == "-")
        #expect(Quantity.change(from: 100, to: 150) == "+50.0 %" && Quantity.change(from: 100, to: 50) == "-50.0 %")
        #expect(Quantity.change(from: 0, to: 1) == "new" && Quantity.change(from: 0, to: 0) == "=")
        #expect(Quantity.change(from: 1, to: 100) == "x100")
    }

    @Test func anythingAboveNothingShowsInBarsAndLines() {
        #expect(Bars.bar(0, width: 4) == "" && Bars.bar(0.0001, width: 4) == "▏")
        #expect(Bars.bar(0.5, width: 4, track: "░") == "██░░" && Bars.bar(0.3, width: 2, track: "░") == "▋░")
        #expect(Bars.bar(7, width: 2) == "██" && Bars.bar(1, width: 0) == "")
        #expect(Bars.line([0, 0.1, 50, 100]) == "▁▂▅█")
        #expect(Bars.line([1, 2], width: 4) == "  ▅█" && Bars.line([9, 1, 2], width: 2) == "▅█")
        #expect(Bars.line([0, 0]) == "▁▁" && Bars.line([], width: 0) == "")
    }
}

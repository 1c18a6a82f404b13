import Testing
import TimeWords

/// Sunday, 2026-11-22 22:09:00.123456 UTC.
private let now: Int64 = 1_795_385_340_123_456
private let second: Int64 = 1_000_000

@Suite struct TimeExpressionTests {
    private func parse(_ text: String, _ zone: ClockZone = .utc) throws -> Int64 {
        try TimeExpression.parse(text, now: now, zone: zone)
    }

    @Test(
        "Forms that name one moment",
        arguments: [
            ("2026-11-22T14:00:05Z", 1_795_356_005_000_000),
            ("2026-11-22t14:00:05z", 1_795_356_005_000_000),
            ("2026-11-22T14:00:05.123456Z", 1_795_356_005_123_456),
            ("2026-11-22T14:00:05.123456789Z", 1_795_356_005_123_456),
            ("2026-11-22T14:00:05,5Z", 1_795_356_005_500_000),
            ("2026-11-22T14:00:05+02:00", 1_795_348_805_000_000),
            ("2026-11-22T14:00:05-05:30", 1_795_375_805_000_000),
            ("2026-11-22 14:00 +0200", 1_795_348_800_000_000),
            ("2026-11-22 14:00+02", 1_795_348_800_000_000),
            ("2026-11-22 14:00 UTC", 1_795_356_000_000_000),
            ("2026-11-22 14:00 Z", 1_795_356_000_000_000),
            ("2026-11-22 gmt", 1_795_305_600_000_000),
            ("2026-11-22", 1_795_305_600_000_000),
            ("  2026-11-22  14:00  ", 1_795_356_000_000_000),
            ("2026-11-22T14:00", 1_795_356_000_000_000),
            ("2026-11-22 14:00:05", 1_795_356_005_000_000),
            ("2026-11-22 14:00:05.123", 1_795_356_005_123_000),
            ("Sun 2026-11-22 14:00:00 UTC", 1_795_356_000_000_000),
            ("Sunday, 2026-11-22", 1_795_305_600_000_000),
            ("2026-1-2 3:4", 1_767_323_040_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("2024-02-29", 1_709_164_800_000_000),
            ("1969-12-31 23:59:59.5", -500_000),
            ("@1763820000", 1_763_820_000_000_000),
            ("@1763820000.5", 1_763_820_000_500_000),
            ("@0", 0),
        ] as [(String, Int64)])
    func absolute(text: String, expected: Int64) throws {
        #expect(try parse(text) == expected)
    }

    @Test(
        "Forms that count from now",
        arguments: [
            ("now", 0), ("NOW", 0), ("-2h", -7200), ("+2h", 7200), ("90m", -5400), ("1h30m", -5400),
            ("1h 30min", -5400), ("2 weeks", -1_209_600), ("2 weeks ago", -1_209_600),
            ("3 days ago", -259_200), ("3 Days Ago", -259_200), ("3 hours left", 10800),
            ("1.5h ago", -5400), ("-1.5 hours", -5400), ("2 weeks 3 days ago", -1_468_800),
            ("1M ago", -2_629_800), ("1 month", -2_629_800), ("1m", -60), ("1y", -31_557_600),
            ("0s", 0),
        ] as [(String, Int64)])
    func relative(text: String, seconds: Int64) throws {
        #expect(try parse(text) == now + seconds * second)
    }

    @Test func millisecondsCountFromNowToo() throws {
        #expect(try parse("250ms ago") == now - 250_000)
        #expect(try parse("5us") == now - 5)
    }

    @Test(
        "Days around today",
        arguments: [
            ("today", 0), ("Yesterday", -86400), ("tomorrow", 86400), ("yesterday 14:00", -36000),
            ("14:00", 50400), ("today 0:00:01", 1),
        ] as [(String, Int64)])
    func days(text: String, seconds: Int64) throws {
        #expect(try parse(text) == (1_795_305_600 + seconds) * second)
    }

    @Test func daysAreThoseOfTheZone() throws {
        // In Berlin it is 23:09; in a zone three hours east it is already tomorrow.
        #expect(try parse("today", Zones.berlin) == (1_795_305_600 - 3600) * second)
        #expect(
            try parse("today", .fixed(offsetSeconds: 10800)) == (1_795_392_000 - 10800) * second)
        #expect(try parse("today UTC", Zones.berlin) == 1_795_305_600 * second)
        #expect(try parse("2026-11-22 14:00", Zones.berlin) == (1_795_356_000 - 3600) * second)
        #expect(try parse("2026-07-01 12:00", Zones.berlin) == 1_782_900_000 * second)
    }

    @Test(
        "Clocks that are set forward and back",
        arguments: [
            // Skipped times move later by as much as the clocks jumped.
            ("2026-03-29 01:59:59", 1_774_745_999), ("2026-03-29 02:00", 1_774_746_000),
            ("2026-03-29 02:30", 1_774_747_800), ("2026-03-29 03:00", 1_774_746_000),
            ("2026-03-29 03:30", 1_774_747_800),
            // For times that occur twice, the first is meant.
            ("2026-10-25 01:59:59", 1_792_886_399), ("2026-10-25 02:00", 1_792_886_400),
            ("2026-10-25 02:30", 1_792_888_200), ("2026-10-25 03:00", 1_792_893_600),
            ("2026-10-25 02:30 +01:00", 1_792_891_800),
        ] as [(String, Int64)])
    func clockChanges(text: String, expected: Int64) throws {
        #expect(try parse(text, Zones.berlin) == expected * second)
    }

    @Test func aDayWithoutMidnightBeginsWithItsFirstMoment() throws {
        #expect(try parse("2026-04-24", Zones.cairo) == 1_776_981_600 * second)
        #expect(try parse("2026-04-23", Zones.cairo) == (1_776_902_400 - 7200) * second)
    }

    @Test(
        "What is not a time is refused, with the reason",
        arguments: [
            ("", "it is empty"), ("   ", "it is empty"),
            ("tomorow", "unknown form"), ("90", "a number has no unit"),
            ("1763820000", "a number has no unit"), ("-2x", "unknown unit \"x\""),
            ("2026-02-30", "the calendar has no such day"), ("2025-02-29", "no such day"),
            ("2026-13-01", "no such day"), ("2026-00-01", "no such day"),
            ("26-11-22", "a year has four digits"), ("2026-11", "a date is year-month-day"),
            ("2026-11-22 24:00", "hours 0 to 23"), ("2026-11-22 14:60", "minutes 0 to 59"),
            ("2026-11-22 14:00:61", "seconds 0 to 59"), ("2026-11-22 14", "a time is hour:minute"),
            ("2026-11-22T", "a time must follow the T"), ("2026-11-22 14:00.5", "unexpected"),
            ("2026-11-22 14:00:05.", "no digit follows the point"),
            ("2026-11-22 14:00 CET", "unknown zone \"CET\""),
            ("2026-11-22 14:00 +25:00", "a zone is"),
            ("2026-11-22 14:00 +2", "a zone is"), ("now UTC", "\"UTC\" is unexpected"),
            ("-2h ago", "\"ago\" is unexpected"), ("2h hence", "unexpected"),
            ("Mon 2026-11-22", "that date is a Sunday"), ("Sun", "a date must follow"),
            ("@", "seconds since 1970"), ("@-5", "seconds since 1970"),
            ("@1763820000000", "seconds since"),
            ("999999999y", "too long"), ("99999999999999999999s", "too long"),
        ])
    func refused(text: String, why: String) {
        let error = #expect(throws: ExpressionError.self) { try parse(text) }
        #expect(error?.detail.contains(why) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("expected a time like") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func aRefusalEndsWithTheFormsThatAreUnderstood() {
        let error = #expect(throws: ExpressionError.self) { try parse("tomorow") }
        #expect(
            error?.description
                == "unknown form; expected a time like 2026-11-22, \"2026-11-22 14:00\", 2026-11-22T14:00:05Z, -2h, "
                + "\"3 days ago\", yesterday, today, now or @1763820000")
    }
}

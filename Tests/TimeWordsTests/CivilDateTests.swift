import Testing
import TimeWords

@Suite struct CivilDateTests {
    @Test func everyDayOfFourCenturiesComesBack() {
        var expected = CivilDate(year: 1799, month: 12, day: 31)!
        for days in expected.daysSince1970...CivilDate(year: 2200, month: 1, day: 1)!.daysSince1970 {
            let date = CivilDate(daysSince1970: days)
            guard date == expected, date.daysSince1970 == days else {
                Issue.record("day \(days): \(date), not \(expected)")
                return
            }
            expected.day += 1
            if expected.day > CivilDate.days(inMonth: expected.month, year: expected.year) {
                expected.day = 1
                expected.month = expected.month % 12 + 1
                if expected.month == 1 { expected.year += 1 }
            }
        }
    }

    @Test func weekdaysBeginWithMonday() {
        #expect(CivilDate(daysSince1970: 0).weekday == 3)
        #expect(CivilDate(year: 2026, month: 11, day: 22)?.weekday == 6)
        #expect(CivilDate(year: 1969, month: 12, day: 29)?.weekday == 0)
    }
}

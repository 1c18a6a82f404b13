/// Reads one time expression from left to right.
struct TimeReader {
    /// Microseconds since 1970 UTC.
    private let now: Int64
    private var zone: ClockZone
    private var scanner: TextScanner

    private static let weekdays = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    init(text: String, now: Int64, zone: ClockZone) {
        self.now = now
        self.zone = zone
        scanner = TextScanner(text)
    }

    mutating func read() throws(ExpressionError) -> Int64 {
        scanner.skipSpaces()
        if scanner.isAtEnd { throw refusal("it is empty") }
        if scanner.take("@") { return try readEpoch() }
        if scanner.take("-") { return try moved(by: readDuration(), backward: true) }
        if scanner.take("+") { return try moved(by: readDuration(), backward: false) }
        if scanner.isAtDigit { return try readDigitsFirst() }
        return try readWordFirst()
    }

    /// A date, a time today or a duration, depending on what follows the first digits.
    private mutating func readDigitsFirst() throws(ExpressionError) -> Int64 {
        let start = scanner.position
        while scanner.isAtDigit { _ = scanner.take(Unicode.Scalar(scanner.next)) }
        let mark = scanner.next
        scanner.rewind(to: start)
        if mark == 0x2D { return try readDate(weekday: nil) }
        if mark == 0x3A { return try readDay(daysFromToday: 0) }

        let duration: Int64
        switch DurationExpression.read(&scanner) {
        case .success(let microseconds): duration = microseconds
        case .failure(let detail): throw refusal(detail)
        }
        scanner.skipSpaces()
        let position = scanner.position
        switch scanner.takeWord().lowercased() {
        case "", "ago":
            try expectEnd()
            return try moved(by: duration, backward: true)
        case "left":
            try expectEnd()
            return try moved(by: duration, backward: false)
        default:
            scanner.rewind(to: position)
            throw leftOver()
        }
    }

    private mutating func readWordFirst() throws(ExpressionError) -> Int64 {
        let word = scanner.takeWord().lowercased()
        switch word {
        case "now":
            try expectEnd()
            return now
        case "today": return try readDay(daysFromToday: 0)
        case "yesterday": return try readDay(daysFromToday: -1)
        case "tomorrow": return try readDay(daysFromToday: 1)
        default:
            let weekday = TimeReader.weekdays.firstIndex {
                $0 == word || (word.utf8.count == 3 && $0.hasPrefix(word))
            }
            guard let weekday else { throw refusal("unknown form") }
            _ = scanner.take(",")
            scanner.skipSpaces()
            guard scanner.isAtDigit else { throw refusal("a date must follow the day's name") }
            return try readDate(weekday: weekday)
        }
    }

    /// Seconds since 1970 UTC, after the `@`.
    private mutating func readEpoch() throws(ExpressionError) -> Int64 {
        // Twelve digits reach past the year 9999 without overflow.
        guard let seconds = scanner.takeDigits(1...12) else {
            throw refusal("@ takes seconds since 1970")
        }
        let fraction = try readFraction()
        try expectEnd()
        return seconds * 1_000_000 + fraction
    }

    private mutating func readDuration() throws(ExpressionError) -> Int64 {
        scanner.skipSpaces()
        switch DurationExpression.read(&scanner) {
        case .success(let microseconds):
            try expectEnd()
            return microseconds
        case .failure(let detail): throw refusal(detail)
        }
    }

    /// `2026-11-22`, and an optional time and zone.
    private mutating func readDate(weekday: Int?) throws(ExpressionError) -> Int64 {
        guard let year = scanner.takeDigits(4...4) else { throw refusal("a year has four digits") }
        guard scanner.take("-"), let month = scanner.takeDigits(1...2), scanner.take("-"),
            let day = scanner.takeDigits(1...2)
        else { throw refusal("a date is year-month-day") }
        guard let date = CivilDate(year: Int(year), month: Int(month), day: Int(day)) else {
            throw refusal("the calendar has no such day")
        }
        if let weekday, weekday != date.weekday {
            throw refusal("that date is a \(TimeReader.weekdays[date.weekday].capitalizedASCII)")
        }
        if scanner.take("T") || scanner.take("t") {
            guard scanner.isAtDigit else { throw refusal("a time must follow the T") }
        }
        let clock = try readClock()
        try readZone()
        try expectEnd()
        return zone.instant(ofLocalSeconds: date.daysSince1970 * 86_400 + clock.seconds) * 1_000_000
            + clock.microseconds
    }

    /// An optional time and zone, on a day near today.
    private mutating func readDay(daysFromToday: Int64) throws(ExpressionError) -> Int64 {
        let clock = try readClock()
        try readZone()
        try expectEnd()
        let nowSeconds = CivilDate.floorDivide(now, 1_000_000)
        let today = CivilDate.floorDivide(nowSeconds + zone.offsetSeconds(nowSeconds), 86_400)
        let local = (today + daysFromToday) * 86_400 + clock.seconds
        return zone.instant(ofLocalSeconds: local) * 1_000_000 + clock.microseconds
    }

    /// `14:00[:05[.123]]`, or midnight if no digit follows.
    private mutating func readClock() throws(ExpressionError) -> (
        seconds: Int64, microseconds: Int64
    ) {
        scanner.skipSpaces()
        guard scanner.isAtDigit else { return (0, 0) }
        guard let hour = scanner.takeDigits(1...2), scanner.take(":"),
            let minute = scanner.takeDigits(1...2)
        else { throw refusal("a time is hour:minute or hour:minute:second") }
        guard hour <= 23 else { throw refusal("a day has the hours 0 to 23") }
        guard minute <= 59 else { throw refusal("an hour has the minutes 0 to 59") }
        guard scanner.take(":") else { return (hour * 3600 + minute * 60, 0) }
        guard let second = scanner.takeDigits(1...2) else {
            throw refusal("a time is hour:minute or hour:minute:second")
        }
        // RFC 3339 writes a leap second as 60; clocks that ignore leap seconds then show the next minute.
        guard second <= 60 else { throw refusal("a minute has the seconds 0 to 59") }
        return (hour * 3600 + minute * 60 + second, try readFraction())
    }

    /// An optional zone, which overrides the one given to `parse`.
    private mutating func readZone() throws(ExpressionError) {
        let start = scanner.position
        scanner.skipSpaces()
        let isEast = scanner.take("+")
        if isEast || scanner.take("-") {
            guard let offset = readOffset() else {
                throw refusal("a zone is Z, UTC or like +02:00")
            }
            zone = .fixed(offsetSeconds: isEast ? offset : -offset)
            return
        }
        let word = scanner.takeWord()
        switch word.lowercased() {
        case "z", "utc", "gmt": zone = .utc
        case "": scanner.rewind(to: start)
        default:
            throw refusal(
                "unknown zone \(ExpressionError.quoted(word)); zones are Z, UTC or like +02:00")
        }
    }

    /// The seconds of `02:00`, `0200` or `02`.
    private mutating func readOffset() -> Int64? {
        let digits = scanner.takeDigits(2...2)
        if let hours = digits {
            guard scanner.take(":") else { return hours <= 23 ? hours * 3600 : nil }
            guard let minutes = scanner.takeDigits(2...2) else { return nil }
            return hours <= 23 && minutes <= 59 ? hours * 3600 + minutes * 60 : nil
        }
        guard let both = scanner.takeDigits(4...4) else { return nil }
        return both / 100 <= 23 && both % 100 <= 59 ? both / 100 * 3600 + both % 100 * 60 : nil
    }

    /// The microseconds after an optional point.
    private mutating func readFraction() throws(ExpressionError) -> Int64 {
        guard let billionths = scanner.takeFraction() else {
            throw refusal("no digit follows the point")
        }
        return billionths / 1000
    }

    private func moved(by duration: Int64, backward: Bool) throws(ExpressionError) -> Int64 {
        let moved =
            backward
            ? now.subtractingReportingOverflow(duration) : now.addingReportingOverflow(duration)
        guard !moved.overflow else { throw refusal("it is too far away") }
        return moved.partialValue
    }

    private mutating func expectEnd() throws(ExpressionError) {
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw leftOver() }
    }

    private func leftOver() -> ExpressionError {
        refusal("\(ExpressionError.quoted(scanner.rest)) is unexpected")
    }

    private func refusal(_ detail: String) -> ExpressionError {
        ExpressionError(.time, detail: detail)
    }
}

extension String {
    /// With its first letter capitalized.
    fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}

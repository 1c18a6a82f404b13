import MetricsModel

/// Numbers, sizes and durations in human-readable form.
public enum Quantity {
    // MARK: Numbers

    /// `1,234,567`
    public static func text(_ value: Int64) -> String { (value < 0 ? "-" : "") + grouped(value.magnitude) }

    /// `1,234,567`
    public static func grouped(_ value: UInt64) -> String {
        let digits = String(value)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.utf8.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// `1 event`, `1,234 events`. Nouns with an irregular plural need it passed in.
    public static func count(_ value: UInt64, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
    }

    /// About three significant digits: `0.042`, `4.25`, `1,234`.
    public static func number(_ value: Double) -> String {
        guard value.isFinite, value < 9e18 else { return "-" }
        if value >= 100 || value == value.rounded() { return grouped(UInt64(saturating: value.rounded())) }
        let text = decimals(value, value >= 10 ? 1 : value >= 1 ? 2 : 3)
        return text == "0.000" ? "under 0.001" : text
    }

    /// Short enough for a column: 0, 7, 950, 1.2k, 34k, 5.6M.
    public static func short(_ value: Double) -> String { scaled(value, units: ["", "k", "M", "G", "T"], step: 1000) }

    /// A rate in a column: 0, <0.1, 0.3, 12, 1.2k.
    public static func shortRate(_ value: Double) -> String {
        if value > 0 && value < 9.95 { return value < 0.05 ? "<0.1" : decimals(value, 1) }
        return short(value.rounded())
    }

    /// A share as a percentage; "-" if the whole is 0.
    public static func share(_ part: Int64, of whole: Int64) -> String {
        whole == 0 ? "-" : decimals(Double(part) / Double(whole) * 100, 1) + " %"
    }

    /// By how much a number changed, as a percentage.
    public static func change(from before: Int64, to now: Int64) -> String {
        if before == 0 { return now == 0 ? "=" : "new" }
        let change = (Double(now) - Double(before)) / Double(before) * 100
        if change > 999 { return "x" + number(Double(now) / Double(before)) }
        let text = decimals(abs(change), 1)
        return (text == "0.0" ? "" : change < 0 ? "-" : "+") + text + " %"
    }

    // MARK: Sizes

    /// `512 B`, `1.5 KiB`, `20.4 GiB`, `320 MiB`: at most three digits, or four below the next unit.
    public static func bytes(_ value: UInt64) -> String {
        var unit = 0
        var size = Double(value)
        while size >= 1023.5, unit < 6 {
            size /= 1024
            unit += 1
        }
        let tenths = (size * 10).rounded() / 10
        let digits = tenths < 100 && tenths != tenths.rounded() ? decimals(tenths, 1) : "\(Int64(saturating: size.rounded()))"
        return "\(digits) \(["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit])"
    }

    // MARK: Lengths of time

    /// 90 ns, 2.5 µs, 10 ms, 3.2 s.
    public static func duration(nanoseconds: UInt64) -> String {
        nanoseconds == 0 ? "0 s" : scaled(Double(nanoseconds), units: [" ns", " µs", " ms", " s"], step: 1000)
    }

    /// In one unit, with one decimal: `85 ms`, `12.3 s`, `4.2 min`, `1.5 h`, `3.2 days`.
    public static func wait(microseconds: UInt64) -> String {
        let seconds = Double(microseconds) / 1e6
        for (unit, length) in units.dropLast() where seconds >= Double(length) {
            let value = seconds / Double(length)
            return decimals(value, value >= 100 ? 0 : 1) + " " + unit + (unit == "day" ? "s" : "")
        }
        return duration(nanoseconds: microseconds &* 1000)
    }

    /// In its two largest units: `3 days 4 h`, `12 min 5 s`, `45 s`.
    public static func age(seconds: UInt64) -> String {
        var rest = seconds
        var parts: [String] = []
        for (unit, length) in units {
            if rest >= length { parts.append("\(rest / length) \(unit)" + (unit == "day" && rest / length > 1 ? "s" : "")) }
            rest %= length
        }
        return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
    }

    /// A setting, in the largest unit that expresses it exactly: `30 days`, `90 min`, `250 ms`.
    public static func exact(nanoseconds: UInt64) -> String {
        for (unit, length) in units where nanoseconds % (length * 1_000_000_000) == 0 {
            let count = nanoseconds / (length * 1_000_000_000)
            return unit == "day" ? Self.count(count, unit) : "\(count) \(unit)"
        }
        return "\(nanoseconds / 1_000_000) ms"
    }

    private static let units: [(name: String, seconds: UInt64)] = [("day", 86_400), ("h", 3600), ("min", 60), ("s", 1)]

    // MARK: Digits

    private static func scaled(_ value: Double, units: [String], step: Double) -> String {
        var value = value
        var unit = 0
        while value >= step * 0.9995, unit + 1 < units.count {
            value /= step
            unit += 1
        }
        let hasTenths = unit > 0 && value < 9.95 && value.rounded() != value
        return (hasTenths ? decimals(value, 1) : "\(Int64(saturating: value.rounded()))") + units[unit]
    }

    /// A non-negative number with this many decimals.
    private static func decimals(_ value: Double, _ digits: Int) -> String {
        let scale: UInt64 = digits == 1 ? 10 : digits == 2 ? 100 : 1000
        let whole = UInt64(saturating: (value * Double(scale)).rounded())
        let rest = String(whole % scale)
        return grouped(whole / scale) + "." + String(repeating: "0", count: digits - rest.utf8.count) + rest
    }
}

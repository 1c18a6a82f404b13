import MetricsModel

/// Numbers as people read them.
enum Quantity {
    /// Whole, in groups of three digits.
    static func text(_ value: Int64) -> String { (value < 0 ? "-" : "") + grouped(value.magnitude) }

    static func grouped(_ value: UInt64) -> String {
        let digits = String(value)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.utf8.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// With as many decimals, of at most one or two, as its size is worth.
    static func rate(_ value: Double) -> String {
        guard value.isFinite, value < 9e18 else { return "-" }
        if value >= 1000 { return text(Int64(saturating: value.rounded())) }
        if value >= 10 || value == 0 { return decimals(value, 1) }
        return decimals(value, 2)
    }

    /// A share as a percentage; "-" of nothing.
    static func share(_ part: Int64, of whole: Int64) -> String {
        whole == 0 ? "-" : decimals(Double(part) / Double(whole) * 100, 1) + " %"
    }

    /// How much a number changed, as a percentage.
    static func change(from before: Int64, to now: Int64) -> String {
        if before == 0 { return now == 0 ? "=" : "new" }
        let change = (Double(now) - Double(before)) / Double(before) * 100
        if change > 999 { return "x" + rate(Double(now) / Double(before)) }
        let text = decimals(abs(change), 1)
        return (text == "0.0" ? "" : change < 0 ? "-" : "+") + text + " %"
    }

    static func bytes(_ value: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        guard value >= 1024 else { return "\(value) B" }
        var unit = 0
        var scaled = Double(value) / 1024
        while scaled >= 1024, unit < units.count - 1 {
            scaled /= 1024
            unit += 1
        }
        return (scaled < 100 ? decimals(scaled, 1) : text(Int64(saturating: scaled.rounded()))) + " " + units[unit]
    }

    /// So many decimals of a number that is not negative.
    static func decimals(_ value: Double, _ digits: Int) -> String {
        let scale: Int64 = digits == 2 ? 100 : 10
        let whole = Int64(saturating: (value * Double(scale)).rounded())
        let rest = String(whole % scale)
        return text(whole / scale) + "." + String(repeating: "0", count: digits - rest.utf8.count) + rest
    }
}

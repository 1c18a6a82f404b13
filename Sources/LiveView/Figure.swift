import MetricsModel

/// Numbers as people read them, short enough for a column.
public enum Figure {
    /// 0, 7, 950, 1.2k, 34k, 5.6M.
    public static func count(_ value: UInt64) -> String { scaled(Double(value), units: ["", "k", "M", "G", "T"], step: 1000) }

    /// 0, 0.3, 12, 1.2k a second.
    public static func rate(_ value: Double) -> String {
        if value > 0 && value < 9.95 { return value < 0.05 ? "<0.1" : tenths(value) }
        return scaled(value.rounded(), units: ["", "k", "M", "G"], step: 1000)
    }

    /// 512 B, 1.5 KiB, 320 MiB.
    public static func bytes(_ value: UInt64) -> String {
        if value < 1024 { return "\(value) B" }
        let text = scaled(Double(value), units: ["", " Ki", " Mi", " Gi", " Ti"], step: 1024)
        return text + "B"
    }

    /// 90 ns, 2.5 us, 10 ms, 3.2 s.
    public static func duration(nanoseconds value: UInt64) -> String {
        scaled(Double(value), units: [" ns", " us", " ms", " s"], step: 1000)
    }

    /// 45s, 12m, 3h 20m, 5d 3h.
    public static func age(seconds: UInt64) -> String {
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m" }
        if seconds < 86_400 { return "\(seconds / 3600)h \(seconds / 60 % 60)m" }
        return "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
    }

    private static func scaled(_ value: Double, units: [String], step: Double) -> String {
        var value = value
        var unit = 0
        while value >= step * 0.9995, unit + 1 < units.count {
            value /= step
            unit += 1
        }
        let text = unit > 0 && value < 9.95 && value.rounded() != value ? tenths(value) : "\(Int64(saturating: value.rounded()))"
        return text + units[unit]
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

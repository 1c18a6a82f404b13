import MetricsModel
import Terminal

/// A small chart of a time window: a picture for those who can see it, a sentence and a table for everybody.
struct StatusChart {
    struct Line {
        /// What a point means, and so how several of them combine.
        enum Kind {
            /// The mean over its interval.
            case rate
            /// The maximum within its interval.
            case peak
            /// The total over its interval.
            case sum
        }

        var name: String
        var kind = Kind.rate
        /// Oldest first; nil where nothing is known.
        var values: [Double?]

        func together(_ values: some Sequence<Double?>) -> Double? {
            let known = values.compactMap { $0 }
            guard let peak = known.max() else { return nil }
            let sum = known.reduce(0, +)
            switch kind {
            case .rate: return sum / Double(known.count)
            case .peak: return peak
            case .sum: return sum
            }
        }
    }

    var id: String
    var title: String
    var unit: String
    var lines: [Line]
    /// When the chart ends, in seconds since 1970.
    var endSeconds: Int
    var spanSeconds: Int

    /// The picture's own units: it is stretched to fit its place, but its strokes and the text beside it are not.
    private static let width = 480.0
    private static let height = 100.0

    private var known: [Double] { lines.flatMap { $0.values.compactMap { $0 } } }

    /// The axis ends at 1, 2 or 5 times a power of ten.
    private var ceiling: Double {
        let peak = known.max() ?? 0
        guard peak > 0 else { return 1 }
        var step = 1e-6
        while true {
            for factor in [1.0, 2, 5] where step * factor >= peak { return step * factor }
            step *= 10
        }
    }

    /// What the picture shows, in words.
    private var summary: String {
        guard !known.isEmpty else { return "No data for this period yet." }
        return lines.map { line in
            let values = line.values.compactMap { $0 }
            guard let last = values.last, let peak = values.max(), let all = line.together(values) else {
                return "\(line.name): no data yet."
            }
            let most = "\(Quantity.number(peak)) at peak."
            switch line.kind {
            case .rate:
                return "\(line.name): \(Quantity.number(last)) \(unit) now, \(Quantity.number(all)) on average, " + most
            case .peak: return "\(line.name): \(Quantity.number(last)) \(unit) now, " + most
            case .sum: return "\(line.name): \(Quantity.number(all)) \(unit) in total."
            }
        }.joined(separator: " ")
    }

    var html: String {
        var text = """
            <figure>
            <figcaption id="\(id)">\(title), \(unit)</figcaption>

            """
        if lines.count > 1 {
            text += "<p class=\"legend\" aria-hidden=\"true\">"
            for (index, line) in lines.enumerated() {
                text += "<span><i class=\"key\(index == 1 ? " two" : "")\"></i>\(line.name)</span>"
            }
            text += "</p>\n"
        }
        return text + plot + "<p class=\"note\">\(HTMLText.escaped(summary))</p>\n" + table + "</figure>\n"
    }

    /// The picture, with the labels of its axes beside it: text in the reader's own size on every screen.
    private var plot: String {
        var text = "<div class=\"plot\">\n<p class=\"up-axis\" aria-hidden=\"true\">"
        for value in [ceiling, ceiling / 2, 0] { text += "<span>\(Self.short(value))</span>" }
        text += """
            </p>
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" preserveAspectRatio="none" role="img" \
            aria-labelledby="\(id)">

            """
        for y in [0, Self.height / 2, Self.height] {
            text += "<line class=\"grid\" x1=\"0\" x2=\"\(Int(Self.width))\" y1=\"\(Int(y))\" y2=\"\(Int(y))\"/>\n"
        }
        for (index, line) in lines.enumerated() {
            let style = index == 0 ? "a" : "b"
            let (path, dots) = drawing(line)
            text += "<path class=\"\(style)\" d=\"\(path)\"/>\n"
            if !dots.isEmpty { text += "<path class=\"\(style) dot\" d=\"\(dots)\"/>\n" }
        }
        text += "</svg>\n<p class=\"time-axis\" aria-hidden=\"true\">"
        for share in [0, 0.5, 1] {
            let seconds = endSeconds - Int(Double(spanSeconds) * (1 - share))
            text += "<span>\(mark(seconds))</span>"
        }
        return text + "</p>\n</div>\n"
    }

    /// A label on the time axis; with the date if the axis spans several days.
    private func mark(_ seconds: Int) -> String {
        let time = Clock.hourAndMinute(seconds: seconds)
        return spanSeconds > 86_400 ? "\(Clock.monthAndDay(seconds: seconds)) \(time)" : time
    }

    /// Lines from point to point; isolated points become lines of zero length.
    private func drawing(_ line: Line) -> (path: String, dots: String) {
        var path = ""
        var dots = ""
        let values = line.values
        for (index, value) in values.enumerated() {
            guard let value else { continue }
            let x = (Double(index) + 0.5) / Double(values.count) * Self.width
            let y = Self.height - min(1, value / ceiling) * Self.height
            let point = "\(Self.written(x)) \(Self.written(y))"
            let follows = index > 0 && values[index - 1] != nil
            let precedes = index + 1 < values.count && values[index + 1] != nil
            if follows || precedes { path += (follows ? "L" : "M") + point } else { dots += "M\(point)h0" }
        }
        return (path, dots)
    }

    /// The same data in twelve rows.
    private var table: String {
        let rows = 12
        var text = """
            <details><summary>As a table</summary><table>
            <caption class="note">\(title), \(unit), UTC</caption>
            <thead><tr><th scope="col">Until</th>
            """
        for line in lines { text += "<th scope=\"col\" class=\"n\">\(line.name)</th>" }
        text += "</tr></thead>\n<tbody>\n"
        for row in 0..<rows {
            let end = endSeconds - spanSeconds * (rows - 1 - row) / rows
            text += "<tr><th scope=\"row\">\(mark(end))</th>"
            for line in lines {
                let part = line.values[(line.values.count * row / rows)..<(line.values.count * (row + 1) / rows)]
                text += "<td class=\"n\">\(line.together(part).map(Quantity.number) ?? "no data")</td>"
            }
            text += "</tr>\n"
        }
        return text + "</tbody></table></details>\n"
    }

    /// One digit after the point.
    private static func written(_ value: Double) -> String {
        let tenths = Int64(saturating: (value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    /// `1.5k`, for the axis.
    private static func short(_ value: Double) -> String {
        let (scaled, suffix): (Double, String) =
            switch value {
            case 1e9...: (value / 1e9, "G")
            case 1e6...: (value / 1e6, "M")
            case 1e3...: (value / 1e3, "k")
            default: (value, "")
            }
        var digits = Quantity.number(scaled)
        // Labels of an axis have no trailing zeros: 2.50 becomes 2.5.
        while digits.contains("."), let last = digits.last, last == "0" || last == "." { digits.removeLast() }
        return digits + suffix
    }
}

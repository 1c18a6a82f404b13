/// A small chart of the last hour: a picture for those who see it, a sentence and a table for everybody.
struct StatusChart {
    struct Line {
        var name: String
        /// Oldest first; nil where nothing is known.
        var values: [Double?]
    }

    var id: String
    var title: String
    var unit: String
    var lines: [Line]
    /// When the chart ends, in seconds since 1970.
    var endSeconds: Int
    var spanSeconds: Int

    private static let width = 480.0
    private static let height = 140.0
    private static let left = 44.0
    private static let bottom = 20.0
    private static let top = 10.0

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
        guard !known.isEmpty else { return "No measurements yet." }
        return lines.map { line in
            let values = line.values.compactMap { $0 }
            guard let last = values.last, let peak = values.max() else { return "\(line.name): not known yet." }
            let mean = values.reduce(0, +) / Double(values.count)
            return "\(line.name): \(HTMLText.number(last)) \(unit) now, \(HTMLText.number(mean)) on average, "
                + "\(HTMLText.number(peak)) at most."
        }.joined(separator: " ")
    }

    var html: String {
        var text = """
            <figure>
            <figcaption id="\(id)">\(title), \(unit)</figcaption>
            \(svg)
            <p class="note">\(HTMLText.escaped(summary))</p>

            """
        if lines.count > 1 {
            text += "<p class=\"legend\" aria-hidden=\"true\">"
            for (index, line) in lines.enumerated() {
                text += "<span><i class=\"key\(index == 1 ? " two" : "")\"></i>\(line.name)</span>"
            }
            text += "</p>\n"
        }
        return text + table + "</figure>\n"
    }

    private var svg: String {
        var text = """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-labelledby="\(id)">

            """
        let bottom = Self.height - Self.bottom
        for (share, value) in [(0.0, 0.0), (0.5, ceiling / 2), (1.0, ceiling)] {
            let y = Self.written(bottom - share * (bottom - Self.top))
            text += "<line class=\"grid\" x1=\"\(Int(Self.left))\" x2=\"\(Int(Self.width))\" y1=\"\(y)\" y2=\"\(y)\"/>"
            text +=
                "<text class=\"axis\" x=\"\(Int(Self.left) - 6)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">"
                + "\(Self.short(value))</text>\n"
        }
        for (share, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
            let x = Self.written(Self.left + share * (Self.width - Self.left))
            let time = Clock.hourAndMinute(seconds: endSeconds - Int(Double(spanSeconds) * (1 - share)))
            text +=
                "<text class=\"axis\" x=\"\(x)\" y=\"\(Int(Self.height) - 4)\" text-anchor=\"\(anchor)\">\(time)</text>\n"
        }
        for (index, line) in lines.enumerated() {
            text += "<path class=\"\(index == 0 ? "a" : "b")\" d=\"\(path(line))\"/>\n"
        }
        return text + "</svg>"
    }

    private func path(_ line: Line) -> String {
        let bottom = Self.height - Self.bottom
        var text = ""
        var isDrawing = false
        for (index, value) in line.values.enumerated() {
            guard let value else {
                isDrawing = false
                continue
            }
            let x = Self.left + (Double(index) + 0.5) / Double(line.values.count) * (Self.width - Self.left)
            let y = bottom - min(1, value / ceiling) * (bottom - Self.top)
            // A point alone is drawn as a dot, by a line of no length.
            text += (isDrawing ? "L" : "M\(Self.written(x)) \(Self.written(y))L")
            text += "\(Self.written(x)) \(Self.written(y))"
            isDrawing = true
        }
        return text
    }

    /// The same in twelve rows.
    private var table: String {
        let rows = 12
        var text = """
            <details><summary>As a table</summary><div class="scroll"><table>
            <caption class="note">\(title), \(unit), UTC</caption>
            <thead><tr><th scope="col">Until</th>
            """
        for line in lines { text += "<th scope=\"col\" class=\"n\">\(line.name)</th>" }
        text += "</tr></thead>\n<tbody>\n"
        for row in 0..<rows {
            let end = endSeconds - spanSeconds * (rows - 1 - row) / rows
            text += "<tr><th scope=\"row\">\(Clock.hourAndMinute(seconds: end))</th>"
            for line in lines {
                let part = line.values[(line.values.count * row / rows)..<(line.values.count * (row + 1) / rows)]
                let values = part.compactMap { $0 }
                let mean = values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
                text += "<td class=\"n\">\(mean.map(HTMLText.number) ?? "not known")</td>"
            }
            text += "</tr>\n"
        }
        return text + "</tbody></table></div></details>\n"
    }

    /// One digit after the point.
    private static func written(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    /// `1.5k`, for the axis.
    private static func short(_ value: Double) -> String {
        switch value {
        case 1e9...: "\(HTMLText.number(value / 1e9))G"
        case 1e6...: "\(HTMLText.number(value / 1e6))M"
        case 1e3...: "\(HTMLText.number(value / 1e3))k"
        case 0: "0"
        default: HTMLText.number(value)
        }
    }
}

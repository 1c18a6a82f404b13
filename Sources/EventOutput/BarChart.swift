/// Bars of eighths of a character, and charts of one line.
enum BarChart {
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    private static let heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// A bar as long as the value is of the largest, at most so many columns; even the smallest is seen.
    static func bar(_ value: Int64, of most: Int64, width: Int) -> String {
        guard value > 0, most > 0, width > 0 else { return "" }
        let length = max(1, Int((Double(value) / Double(most) * Double(width * 8)).rounded()))
        return String(repeating: "█", count: min(length / 8, width)) + (length / 8 < width ? eighths[length % 8] : "")
    }

    /// One column a value: as high as it is of the largest, and a blank for none.
    static func line(_ values: [Int64]) -> String {
        let most = values.max() ?? 0
        return values.map { value in
            guard value > 0, most > 0 else { return " " }
            return heights[min(7, Int(Double(value) / Double(most) * 7.99))]
        }.joined()
    }
}

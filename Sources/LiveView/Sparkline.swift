/// A small chart in one line of text, highest value at full height.
enum Sparkline {
    private static let heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// As many columns as `width`; the newest value is at the right, and what is not known yet is blank.
    static func text(_ values: [Double], width: Int) -> String {
        let shown = values.suffix(max(0, width))
        let most = shown.max() ?? 0
        var text = String(repeating: " ", count: max(0, width - shown.count))
        for value in shown {
            let height = most > 0 ? Int((value / most * 7).rounded()) : 0
            // Even the smallest is seen above nothing.
            text += heights[value > 0 ? max(height, 1) : 0]
        }
        return text
    }

    /// A bar of a share between 0 and 1.
    static func bar(_ share: Double, width: Int) -> String {
        let filled = min(width, share > 0 ? max(1, Int((share * Double(width)).rounded())) : 0)
        return String(repeating: "█", count: filled) + String(repeating: "░", count: max(0, width - filled))
    }
}

/// Bars and charts drawn with block characters.
public enum Bars {
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    private static let heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// A bar whose length is a share, from 0 to 1, of the width; anything above 0 is visible. `track` fills the rest of the
    /// width.
    public static func bar(_ share: Double, width: Int, track: String = "") -> String {
        guard width > 0 else { return "" }
        let length = share > 0 ? min(max(1, Int((share * Double(width * 8)).rounded())), width * 8) : 0
        let bar = String(repeating: "█", count: length / 8) + eighths[length % 8]
        return bar + String(repeating: track, count: width - (length + 7) / 8)
    }

    /// One column per value, the highest at full height; anything above 0 differs visibly from 0. With a width, the newest values
    /// are on the right, with blanks on the left for values not known yet.
    public static func line(_ values: [Double], width: Int? = nil) -> String {
        let shown = width.map { values.suffix(max(0, $0)) } ?? values[...]
        let most = shown.max() ?? 0
        let blanks = String(repeating: " ", count: max(0, (width ?? 0) - shown.count))
        return blanks
            + shown.map { value in
                heights[value > 0 ? max(1, Int((value / most * 7).rounded())) : 0]
            }.joined()
    }
}

/// Sentences that fit a terminal.
public enum Prose {
    /// Breaks lines between words where they would be wider than the columns; a word that is wider alone stays whole.
    ///
    /// - Parameter indent: spaces before each line but the first.
    /// - Parameter columns: nil for lines of any width.
    public static func wrapped(_ text: String, columns: Int?, indent: Int = 0) -> String {
        guard let columns else { return text }
        var lines: [String] = []
        var line = ""
        var width = 0
        var isFirst = true
        var hasWord = false
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let letters = word.unicodeScalars.count
            if width + 1 + letters > columns, hasWord {
                lines.append(line)
                (line, width) = (String(repeating: " ", count: indent), indent)
                hasWord = false
            } else if !isFirst {
                line += " "
                width += 1
            }
            isFirst = false
            line += word
            if letters > 0 { hasWord = true }
            width += letters
        }
        return (lines + [line]).joined(separator: "\n")
    }
}

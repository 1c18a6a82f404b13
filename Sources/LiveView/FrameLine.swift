import Terminal

/// One line of a frame: pieces of safe text in which every character takes one column.
struct FrameLine: Equatable {
    private(set) var pieces: [(text: String, style: Style)] = []
    private(set) var columns = 0

    init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

    mutating func add(_ text: String, _ style: Style = .plain) {
        guard !text.isEmpty else { return }
        pieces.append((text, style))
        columns += text.unicodeScalars.count
    }

    /// Text in which characters take more or fewer columns than one.
    mutating func add(_ text: String, columns: Int) {
        pieces.append((text, .plain))
        self.columns += columns
    }

    mutating func add(_ line: FrameLine) {
        pieces += line.pieces
        columns += line.columns
    }

    /// Pads with blanks up to a column.
    mutating func pad(to column: Int) { add(String(repeating: " ", count: max(0, column - columns))) }

    /// Text that ends before a column.
    mutating func add(_ text: String, endingAt column: Int, _ style: Style = .plain) {
        pad(to: column - text.unicodeScalars.count)
        add(text, style)
    }

    static func == (left: FrameLine, right: FrameLine) -> Bool {
        left.pieces.elementsEqual(right.pieces) { $0.text == $1.text && $0.style == $1.style }
    }

    /// Cut to a width, with terminal control sequences for the styles.
    func text(width: Int, palette: Palette) -> String {
        var result = ""
        var left = width
        for (text, style) in pieces {
            let shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(left)))
            left -= shown.unicodeScalars.count
            let sequence = "\(style.sequence(palette))"
            result += sequence.isEmpty || shown.isEmpty ? shown : "\(sequence)\(shown)\(Style.end)"
            if left == 0 { break }
        }
        return result
    }
}

/// One line of a frame: pieces of safe text, each of whose characters takes one column.
struct FrameLine: Equatable {
    enum Style {
        case plain
        case heading
        case dim
        case good
        case bad
    }

    private(set) var pieces: [(text: String, style: Style)] = []
    private(set) var columns = 0

    init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

    mutating func add(_ text: String, _ style: Style = .plain) {
        guard !text.isEmpty else { return }
        pieces.append((text, style))
        columns += text.unicodeScalars.count
    }

    /// Blanks up to a column.
    mutating func pad(to column: Int) { add(String(repeating: " ", count: max(0, column - columns))) }

    /// The text right-aligned before a column.
    mutating func add(_ text: String, endingAt column: Int, _ style: Style = .plain) {
        pad(to: column - text.unicodeScalars.count)
        add(text, style)
    }

    static func == (left: FrameLine, right: FrameLine) -> Bool {
        left.pieces.elementsEqual(right.pieces) { $0.text == $1.text && $0.style == $1.style }
    }

    /// Cut at a width, with the terminal's sequences for its styles: colour only where it is wanted.
    func text(width: Int, styles: FrameStyles) -> String {
        var result = ""
        var left = width
        for (text, style) in pieces {
            let shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(left)))
            left -= shown.unicodeScalars.count
            let sequence = styles.sequence(style)
            result += sequence.isEmpty || shown.isEmpty ? shown : sequence + shown + "\u{1B}[0m"
            if left == 0 { break }
        }
        return result
    }
}

/// How a frame stands out.
public enum FrameStyles: Sendable {
    /// Text alone, for a pipe.
    case none
    /// Bold and faint, for a terminal whose user wants no colour.
    case weight
    case color

    func sequence(_ style: FrameLine.Style) -> String {
        switch (self, style) {
        case (.none, _), (_, .plain): ""
        case (_, .heading): "\u{1B}[1m"
        case (_, .dim): "\u{1B}[2m"
        case (.weight, .good): ""
        case (.weight, .bad): "\u{1B}[1m"
        case (.color, .good): "\u{1B}[32m"
        case (.color, .bad): "\u{1B}[1;31m"
        }
    }
}

import MetricsModel
import Readings

/// A small table with a title, whose columns are as wide as they must be; the first holds text, the others numbers,
/// which end at the same place. The last may hold bars, which begin at the same place.
struct TextBlock {
    var title: String
    /// A line below the title that is no row.
    var lead: TableCell?
    private(set) var rows: [[TableCell]] = []
    /// Of the columns, as the widest cell of each is.
    private var widths: [Int] = []
    /// Whether the last column begins where it begins, and does not end where it ends.
    var endsWithText = false

    init(_ title: String) { self.title = title }

    mutating func add(_ cells: [TableCell]) {
        rows.append(cells)
        for (column, cell) in cells.enumerated() {
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], cell.columns)
        }
    }

    private static let gap = 2

    /// How many columns of a terminal it takes.
    var columns: Int {
        return max(title.utf8.count, lead?.columns ?? 0, widths.reduce(0, +) + Self.gap * max(0, widths.count - 1))
    }

    var lines: Int { rows.count + (title.isEmpty ? 0 : 1) + (lead == nil ? 0 : 1) }

    /// Writes one of its lines.
    /// - Returns: how many columns it took.
    func write(line: Int, into output: inout ByteBuffer, usesColor: Bool) -> Int {
        var index = line
        if !title.isEmpty {
            if line == 0 {
                TableCell(title, .heading).write(into: &output, usesColor: usesColor)
                return title.utf8.count
            }
            index -= 1
        }
        if let lead {
            if index == 0 {
                lead.write(into: &output, usesColor: usesColor)
                return lead.columns
            }
            index -= 1
        }
        let row = rows[index]
        var taken = 0
        for (column, cell) in row.enumerated() {
            if column > 0 {
                output.append(spaces: Self.gap)
                taken += Self.gap
            }
            let padding = widths[column] - cell.columns
            let isLast = column == row.count - 1
            let isLeft = column == 0 || (endsWithText && column == widths.count - 1)
            if !isLeft { output.append(spaces: padding) }
            cell.write(into: &output, usesColor: usesColor)
            taken += cell.columns + (isLeft && isLast ? 0 : padding)
            if isLeft && !isLast { output.append(spaces: padding) }
        }
        return taken
    }

    /// Writes blocks one below the other, and side by side where they fit; each row of them after an empty line.
    static func write(_ blocks: [TextBlock], width: Int, into output: inout ByteBuffer, usesColor: Bool) {
        let gap = 4
        var index = 0
        while index < blocks.count {
            var end = index + 1
            var columns = blocks[index].columns
            while end < blocks.count, columns + gap + blocks[end].columns <= width {
                columns += gap + blocks[end].columns
                end += 1
            }
            output.append(0x0A)
            let row = blocks[index..<end]
            for line in 0..<(row.map(\.lines).max() ?? 0) {
                var missing = 0
                for block in row {
                    if line < block.lines {
                        output.append(spaces: missing)
                        missing = block.columns - block.write(line: line, into: &output, usesColor: usesColor) + gap
                    } else {
                        missing += block.columns + gap
                    }
                }
                output.append(0x0A)
            }
            index = end
        }
    }
}

extension TableCell {
    func write(into output: inout ByteBuffer, usesColor: Bool) {
        let isStyled = usesColor && style != .plain
        if isStyled { output.append(literal: style.sequence) }
        output.append(bytes)
        if isStyled { output.append(literal: TerminalStyle.end) }
    }

    /// Bars and the like, which take as many columns as they have characters.
    init(drawing text: String, _ style: TerminalStyle = .plain) {
        self.init("", style)
        bytes = Array(text.utf8)
        columns = text.unicodeScalars.count
    }

    /// A name that the log holds.
    init(name: [UInt8], isFull: Bool) {
        // SAFETY: the cell copies what it shows, within the call.
        self = name.withUnsafeBufferPointer { unsafe TableCell(identity: InternedText($0), isFull: isFull) }
    }
}

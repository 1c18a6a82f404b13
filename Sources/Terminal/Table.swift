/// One cell: a column of a line.
public struct Cell {
    public private(set) var bytes: [UInt8]
    /// How many terminal columns it takes.
    public private(set) var columns: Int
    public var style = Style.plain

    /// Constant or already safe text, in which every character takes one column.
    public init(_ text: String, _ style: Style = .plain) {
        bytes = Array(text.utf8)
        // Counts characters by their first bytes, which is cheaper than decoding them.
        columns = bytes.reduce(0) { $0 &+ ($1 & 0xC0 == 0x80 ? 0 : 1) }
        self.style = style
    }

    /// Untrusted text, escaped and cut to a number of columns.
    public init(escaping utf8: [UInt8], limit: Int = .max) {
        (bytes, columns) = VisibleText.escaped(utf8, limit: limit)
    }

    /// A user, key, channel or pseudonym. 12 hexadecimal digits are enough to tell apart the identities of any log; an ellipsis
    /// shows that there are more digits.
    public init(identity utf8: [UInt8], isFull: Bool) {
        let isHex = utf8.count >= 24 && utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        if !isFull && isHex {
            self.init(String(decoding: utf8.prefix(12), as: UTF8.self) + "…")
        } else {
            self.init(escaping: utf8, limit: isFull ? .max : 32)
        }
    }

    public mutating func append(_ text: String) { append(Cell(text)) }

    public mutating func append(_ other: Cell) {
        bytes += other.bytes
        columns += other.columns
    }

    public func write(into output: inout ByteBuffer, usesColor: Bool) {
        let isStyled = usesColor && style != .plain
        if isStyled { output.append(literal: style.sequence(.color)) }
        output.append(bytes)
        if isStyled { output.append(literal: Style.end) }
    }
}

/// A small table with columns just as wide as needed. The first column is text, left-aligned, and the others are numbers,
/// right-aligned; the last ones may be text or bars, left-aligned.
public struct Table {
    public var title: String
    /// A line below the title that is not a row.
    public var lead: Cell?
    /// How many of the last columns hold text.
    public var textColumnsAtEnd: Int
    public private(set) var rows: [[Cell]] = []
    /// For each column, the width of its widest cell.
    private var widths: [Int] = []

    private static let gap = 2

    public init(_ title: String = "", header: [String] = [], textColumnsAtEnd: Int = 0) {
        self.title = title
        self.textColumnsAtEnd = textColumnsAtEnd
        if !header.isEmpty { add(header.map { Cell($0, .heading) }) }
    }

    public mutating func add(_ cells: [Cell]) {
        rows.append(cells)
        for (column, cell) in cells.enumerated() {
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], cell.columns)
        }
    }

    /// Constant or already safe text.
    public mutating func add(_ cells: [String]) { add(cells.map { Cell($0) }) }

    /// The table as plain text.
    public var text: String {
        var output = ByteBuffer(capacity: 4096)
        for line in 0..<lines {
            _ = write(line: line, into: &output, usesColor: false)
            output.append(0x0A)
        }
        return String(decoding: output.bytes, as: UTF8.self)
    }

    private var columns: Int {
        max(title.utf8.count, lead?.columns ?? 0, widths.reduce(0, +) + Self.gap * max(0, widths.count - 1))
    }

    private var lines: Int { rows.count + (title.isEmpty ? 0 : 1) + (lead == nil ? 0 : 1) }

    /// Writes one of the table's lines.
    /// - Returns: how many columns it took.
    private func write(line: Int, into output: inout ByteBuffer, usesColor: Bool) -> Int {
        let above = (title.isEmpty ? [] : [Cell(title, .heading)]) + (lead.map { [$0] } ?? [])
        guard line >= above.count else {
            above[line].write(into: &output, usesColor: usesColor)
            return above[line].columns
        }
        let row = rows[line - above.count]
        var taken = 0
        for (column, cell) in row.enumerated() {
            if column > 0 {
                output.append(spaces: Self.gap)
                taken += Self.gap
            }
            let padding = widths[column] - cell.columns
            let isLast = column == row.count - 1
            let isLeft = column == 0 || column >= widths.count - textColumnsAtEnd
            if !isLeft { output.append(spaces: padding) }
            cell.write(into: &output, usesColor: usesColor)
            taken += cell.columns + (isLeft && isLast ? 0 : padding)
            if isLeft && !isLast { output.append(spaces: padding) }
        }
        return taken
    }

    /// Writes tables one below the other, or side by side where they fit; an empty line precedes each row of tables.
    public static func write(_ tables: [Table], width: Int, into output: inout ByteBuffer, usesColor: Bool) {
        let gap = 4
        var index = 0
        while index < tables.count {
            var end = index + 1
            var columns = tables[index].columns
            while end < tables.count, columns + gap + tables[end].columns <= width {
                columns += gap + tables[end].columns
                end += 1
            }
            output.append(0x0A)
            let row = tables[index..<end]
            for line in 0..<(row.map(\.lines).max() ?? 0) {
                var missing = 0
                for table in row {
                    if line < table.lines {
                        output.append(spaces: missing)
                        missing = table.columns - table.write(line: line, into: &output, usesColor: usesColor) + gap
                    } else {
                        missing += table.columns + gap
                    }
                }
                output.append(0x0A)
            }
            index = end
        }
    }
}

/// A small table for people: columns as wide as they must be, numbers to the right.
struct TextTable {
    private var rows: [[String]]

    init(header: [String]) { rows = [header] }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The first column is text, the others are numbers.
    var text: String { leftAligned(lastColumns: 0) }

    /// The first column is text and so are the last ones, those in between are numbers.
    func leftAligned(lastColumns: Int) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if column == 0 { return cell + space }
                guard column >= row.count - lastColumns else { return space + cell }
                return column == row.count - 1 ? cell : cell + space
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}

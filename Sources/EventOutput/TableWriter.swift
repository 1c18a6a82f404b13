import MetricsModel
import Readings

/// Aligned columns for people, below a heading that comes with the first event.
///
/// Lines are printed as events come, so the columns' widths cannot be known before: they begin as
/// wide as is usual and grow with what they meet. Nothing of an event reaches the output raw; see
/// `VisibleText`.
public final class TableWriter: EventWriter {
    private let output: OutputBuffer
    private let options: TableOptions
    /// Of all columns but the last, which is as wide as it is.
    private var widths: [Int]
    private var hasHeading = false

    /// No column grows past this; a wider cell only moves what is right of it on its own line.
    private static let widestColumn = 64

    public init(into output: OutputBuffer, options: TableOptions) {
        self.output = output
        self.options = options
        let identity = options.showsFullIdentities ? 32 : 13
        let kind = EventKind.allCases.map(\.name.utf8.count).max() ?? 0
        widths = [8, 23, kind, identity, identity, identity]
    }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        if !hasHeading {
            hasHeading = true
            append(EventRow.headings.map { TableCell($0, .heading) })
        }
        append(EventRow(copy event, options: options).cells)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) { try output.flush() }

    private func append(_ cells: [TableCell]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { output.pending.append(spaces: 2) }
            guard index < widths.count else {
                append(cell)
                continue
            }
            widths[index] = max(widths[index], min(cell.columns, TableWriter.widestColumn))
            let padding = widths[index] - cell.columns
            // Only the id is a number; numbers end at the same place.
            if index == 0 { output.pending.append(spaces: padding) }
            append(cell)
            if index > 0 { output.pending.append(spaces: padding) }
        }
        output.pending.append(0x0A)
    }

    private func append(_ cell: TableCell) {
        guard options.usesColor && cell.style != .plain else {
            output.pending.append(cell.bytes)
            return
        }
        output.pending.append(literal: cell.style.sequence)
        output.pending.append(cell.bytes)
        output.pending.append(literal: TerminalStyle.end)
    }
}

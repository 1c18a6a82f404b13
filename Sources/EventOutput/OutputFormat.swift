/// How events are printed.
public enum OutputFormat: String, CaseIterable, Sendable {
    case table
    case json
    case ndjson
    case csv

    /// A writer of this format. The options are the table's; the other formats have none.
    public func writer(into output: OutputBuffer, table: TableOptions) -> any EventWriter {
        switch self {
        case .table: TableWriter(into: output, options: table)
        case .json: JSONWriter(into: output)
        case .ndjson: NDJSONWriter(into: output)
        case .csv: CSVWriter(into: output)
        }
    }
}

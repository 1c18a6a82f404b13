import MetricsModel
import Readings

/// One JSON array of all events, each on a line of its own.
public final class JSONWriter: EventWriter {
    private let output: OutputBuffer
    private var json = EventJSON()
    private var isEmpty = true

    public init(into output: OutputBuffer) { self.output = output }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        output.pending.append(literal: isEmpty ? "[\n" : ",\n")
        isEmpty = false
        json.append(event, to: &output.pending)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) {
        output.pending.append(literal: isEmpty ? "[]\n" : "\n]\n")
        try output.flush()
    }
}

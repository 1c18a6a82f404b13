import MetricsModel
import Readings

/// One JSON object a line.
public final class NDJSONWriter: EventWriter {
    private let output: OutputBuffer
    private var json = EventJSON()

    public init(into output: OutputBuffer) { self.output = output }

    public func write(_ event: borrowing LoggedEvent) throws(OutputError) {
        json.append(event, to: &output.pending)
        output.pending.append(0x0A)
        try output.endLine()
    }

    public func flush() throws(OutputError) { try output.flush() }

    public func finish() throws(OutputError) { try output.flush() }
}

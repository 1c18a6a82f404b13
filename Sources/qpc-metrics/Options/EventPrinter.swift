import EventLog
import EventOutput
import MetricsModel

/// Prints what a query of the log finds, as it is found.
enum EventPrinter {
    static func print(
        _ filter: EventFilter, from log: EventLogReader, format: OutputFormat, color: ColorChoice = .auto
    ) throws {
        let buffer = OutputBuffer()
        let writer = format.writer(
            into: buffer, table: TableOptions(for: buffer, color: color, environment: Environment.value))
        var failure: OutputError?
        try queryingLog { () throws(LogError) in
            try log.read(filter) { event in
                do throws(OutputError) {
                    try writer.write(event)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        }
        try printing { () throws(OutputError) in
            if let failure { throw failure }
            try writer.finish()
        }
    }
}

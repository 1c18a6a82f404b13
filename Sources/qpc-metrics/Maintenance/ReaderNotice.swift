import Glibc
import MetricsQuery
import Terminal

/// Reports once which process keeps removed data in the WAL, because it has a transaction open on the log.
final class ReaderNotice {
    private let source: DataSource
    private let writer: Int32
    /// The last process seen: `process 4242 (sqlite3)`.
    private(set) var last: String?

    init(_ source: DataSource, writer: Int32) {
        self.source = source
        self.writer = writer
    }

    func look() {
        guard let process = source.processWithOpenTransaction(otherThan: [writer, getpid()]) else { return }
        let name = Environment.commandName(of: process).map { " (\($0))" } ?? ""
        let text = "process \(process)\(name)"
        defer { last = text }
        if text != last {
            if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
            Notice.say("note: \(text) has a transaction open on the log; copies of what is removed remain until it ends")
        }
    }
}

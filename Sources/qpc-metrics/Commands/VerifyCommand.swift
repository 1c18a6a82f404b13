import ArgumentParser
import MetricsModel
import MetricsQuery
import Terminal

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that every event is accounted for, and that the log is sound.",
        discussion: """
            For every kind: recorded = in the log + pending + dropped + removed, with the rows counted one by one. Indexes and \
            statistics are computed again from the rows and compared. Exits with 1 on any difference or damage.

            EXAMPLES
              qpc-metrics verify
              qpc-metrics verify --dir /var/lib/quicprochat/metrics || alert
            """)

    @OptionGroup var directory: DirectoryOptions

    func run() throws {
        let ledger = try querying { () throws(DataSourceError) in try Ledger.prove(directory.source) }
        var table = Table(
            header: ["kind", "recorded", "in the log", "pending", "dropped", "removed", "difference"])
        for line in ledger.lines {
            table.add([
                line.kind.name, "\(line.recorded)", "\(line.inLog)", "\(line.pending)", "\(line.dropped)",
                "\(line.removed)", "\(line.difference)",
            ])
        }
        var text = table.text + "\n"
        text +=
            ledger.isExact
            ? "ledger: exact\n" : "ledger: recorded differs from in the log + pending + dropped + removed\n"
        text += ledger.problems.isEmpty ? "log: sound\n" : "log: damaged\n"
        for problem in ledger.problems { text += "  \(problem)\n" }
        text += "server: \(ledger.isServerRunning ? "running" : "not running")\n"
        try StandardOutput.write(text)
        guard ledger.isExact && ledger.problems.isEmpty else { throw Failure(Failure.somethingWrong, "") }
    }
}

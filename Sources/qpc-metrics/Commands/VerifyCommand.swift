import ArgumentParser
import Glibc
import MetricsModel
import MetricsQuery
import Synchronization
import Terminal

struct VerifyCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that every event is accounted for, and that the log is sound.",
        discussion: """
            For every kind: recorded = in the log + pending + dropped + removed, with the rows counted one by one. Indexes and \
            statistics are computed again from the rows and compared. Exits with 1 on any difference or damage.

            EXAMPLES
              qpc-metrics verify
              qpc-metrics verify -q || alert
              qpc-metrics verify -o json | jq .ok
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .text

    @Flag(name: .shortAndLong, help: "Print only what is wrong.")
    var quiet = false

    func run() throws {
        let progress = VerifyProgress()
        let source = directory.source
        let ledger = try querying { () throws(DataSourceError) in
            try Ledger.prove(source) { progress.show($0) }
        }
        progress.end()
        let isOff = LogOff.isSo(source)
        let isWell = ledger.isExact && ledger.problems.isEmpty
        if !(quiet && isWell) {
            switch output {
            case .text: try StandardOutput.write(quiet ? Self.problems(ledger) : Self.text(ledger, isOff: isOff))
            case .json: try StandardOutput.write(Self.json(ledger).line)
            }
        }
        guard isWell else { throw Failure(Failure.somethingWrong, "") }
    }

    private static func text(_ ledger: Ledger, isOff: Bool) -> String {
        var table = Table(
            header: ["kind", "recorded", "in the log", "pending", "dropped", "removed", "difference"])
        for line in ledger.lines {
            let numbers = [line.recorded, line.inLog, line.pending, line.dropped, line.removed].map { Quantity.grouped($0) }
            table.add([line.kind.name] + numbers + [Quantity.text(line.difference)])
        }
        var text = table.text + "\n"
        text +=
            ledger.isExact
            ? "ledger: exact\n" : "ledger: recorded differs from in the log + pending + dropped + removed\n"
        text += ledger.problems.isEmpty ? "log: sound\n" : "log: damaged\n"
        for problem in ledger.problems { text += "  \(problem)\n" }
        if isOff { text += "note: \(Settings.logIsOff): each event counts as removed as soon as it is counted\n" }
        return text + "server: \(ledger.isServerRunning ? "running" : "not running")\n"
    }

    private static func problems(_ ledger: Ledger) -> String {
        let kinds = ledger.lines.filter { $0.difference != 0 }.map {
            "\($0.kind.name): recorded \($0.recorded) differs by \($0.difference) from in the log + pending + dropped + removed\n"
        }
        return kinds.joined() + ledger.problems.map { "\($0)\n" }.joined()
    }

    private static func json(_ ledger: Ledger) -> JSON {
        let kinds = ledger.lines.map { line in
            (
                line.kind.name,
                JSON.object([
                    ("recorded", .number(line.recorded)), ("in_log", .number(line.inLog)), ("pending", .number(line.pending)),
                    ("dropped", .number(line.dropped)), ("removed", .number(line.removed)),
                    ("difference", .number(line.difference)),
                ])
            )
        }
        return .object([
            ("ok", .bool(ledger.isExact && ledger.problems.isEmpty)), ("exact", .bool(ledger.isExact)),
            ("sound", .bool(ledger.problems.isEmpty)), ("server_running", .bool(ledger.isServerRunning)),
            ("ledger", .object(kinds)), ("problems", .array(ledger.problems.map(JSON.text))),
        ])
    }
}

/// A line on standard error while the user waits. Usable from any thread.
private final class VerifyProgress: Sendable {
    private let last = Atomic<Int>(time(nil))
    private let hasLine = Atomic<Bool>(false)

    func show(_ share: Double) {
        let now = time(nil)
        guard StandardError.isTerminal, last.exchange(now, ordering: .relaxed) != now else { return }
        hasLine.store(true, ordering: .relaxed)
        StandardError.write("\rverify: \(Int(share * 100)) % of the rows checked ...")
    }

    func end() {
        if hasLine.load(ordering: .relaxed) { StandardError.write("\r\u{1B}[K") }
    }
}

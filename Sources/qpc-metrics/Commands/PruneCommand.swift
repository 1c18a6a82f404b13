import ArgumentParser
import EventDrain
import EventLog
import MetricsQuery
import Terminal
import TimeWords

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Removes the oldest events from the log now.",
        discussion: """
            The plugin does this by itself, according to QPC_METRICS_PLUGIN_RETENTION and QPC_METRICS_PLUGIN_MAX_SIZE. While a \
            server runs, the command asks its plugin to remove the events; otherwise it removes them itself. Counters do not \
            change, and the ledger counts what was removed. Disk space is freed at once.

            On a terminal it first shows how many events will be removed, of which kinds and times, and asks. From a script \
            it does not ask; --dry-run only shows. -o json prints a receipt.

            EXAMPLES
              qpc-metrics prune --older-than 7d --dry-run
              qpc-metrics prune --older-than 7d
              qpc-metrics prune --max-size 1GiB --yes -o json >> receipts.ndjson
              qpc-metrics prune --all
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("Remove events older than this, such as 7d, 12h or 90m.", valueName: "age"))
    var olderThan: String?

    @Option(
        help: ArgumentHelp(
            "Remove the oldest events until the log is no larger than this, 1MiB or more, such as 1GiB or 512MiB.",
            valueName: "size"))
    var maxSize: String?

    @Flag(help: "Remove every event.")
    var all = false

    @OptionGroup var removal: RemovalOptions

    /// The same minimums as for the settings: a typo is not an order.
    private static let leastAge: Int64 = 1_000_000
    private static let leastSize: UInt64 = 1 << 20

    func run() throws {
        guard all || olderThan != nil || maxSize != nil else {
            throw Failure(
                Failure.usage,
                "prune needs --older-than (such as 7d), --max-size (such as 1GiB), both, or --all; "
                    + "see qpc-metrics prune --help")
        }
        if all, olderThan != nil || maxSize != nil {
            throw Failure(Failure.usage, "--all removes every event; leave out --older-than and --max-size")
        }
        let before = try all ? Int64.max : self.before()
        let maxBytes = try self.maxBytes()
        let preview = try preview(before: before, maxBytes: maxBytes)
        let work = LogWork(directory: directory, request: .prune(before: before, maxBytes: maxBytes))
        try work.requireDirectory()
        guard try removal.goesOn("prune", preview, directory: directory.path) else { return }
        let outcome = try work.run { outcome, problem in
            guard removal.output == .json else { return }
            try StandardOutput.write(RemovalText.json("prune", outcome, directory: directory.path, problem: problem).line)
        }
        guard removal.output == .text else { return }
        let (events, names) = (UInt64(clamping: outcome.events), UInt64(clamping: outcome.names))
        let sizes = [outcome.bytesBefore, outcome.bytesAfter].map { Quantity.bytes(UInt64(clamping: $0)) }
        let unused = names > 0 ? ", and \(Quantity.count(names, "name")) that no event uses any more" : ""
        try StandardOutput.write("\(Quantity.count(events, "event")) removed\(unused); events.db: \(sizes[0]) → \(sizes[1])\n")
    }

    /// Nil without a log. The reader is closed when this returns: SQLite would share what it opened with the writer.
    private func preview(before: Int64, maxBytes: Int64?) throws -> RemovalPreview? {
        let found = try querying { () throws(DataSourceError) in try directory.source.log() }
        guard let log = found else { return nil }
        return try queryingLog { () throws(LogError) in
            try RemovalPreview.prune(log, before: before, maxBytes: maxBytes)
        }
    }

    private func before() throws -> Int64 {
        guard let olderThan else { return Int64.min }
        let age: Int64
        do {
            age = try DurationExpression.parse(olderThan)
        } catch {
            throw Failure.invalid(olderThan, for: "--older-than", error.description)
        }
        guard age >= Self.leastAge else {
            throw Failure.invalid(
                olderThan, for: "--older-than", "expected 1s or more; to remove every event, use --all")
        }
        let (time, overflow) = Environment.nowMicroseconds.subtractingReportingOverflow(age)
        return overflow ? Int64.min : time
    }

    private func maxBytes() throws -> Int64? {
        guard let maxSize else { return nil }
        let size: UInt64
        do {
            size = try SizeExpression.parse(maxSize)
        } catch {
            throw Failure.invalid(maxSize, for: "--max-size", error.description)
        }
        guard size >= Self.leastSize else {
            throw Failure.invalid(
                maxSize, for: "--max-size", "expected 1MiB or more; to remove every event, use --all")
        }
        return Int64(clamping: size)
    }
}

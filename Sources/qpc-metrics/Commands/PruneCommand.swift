import ArgumentParser
import EventDrain
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

            EXAMPLES
              qpc-metrics prune --older-than 7d
              qpc-metrics prune --max-size 1GiB
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("Remove events older than this, such as 7d, 12h or 90m.", valueName: "age"))
    var olderThan: String?

    @Option(
        help: ArgumentHelp(
            "Remove the oldest events until the log is no larger than this, such as 1GiB or 512MiB.", valueName: "size"))
    var maxSize: String?

    func run() throws {
        guard olderThan != nil || maxSize != nil else {
            throw Failure(Failure.usage, "prune needs --older-than (such as 7d), --max-size (such as 1GiB) or both")
        }
        var before = Int64.min
        if let olderThan {
            do {
                let age = try DurationExpression.parse(olderThan)
                let (time, overflow) = Environment.nowMicroseconds.subtractingReportingOverflow(age)
                before = overflow ? Int64.min : time
            } catch {
                throw Failure.invalid(olderThan, for: "--older-than", error.description)
            }
        }
        var maxBytes: Int64?
        if let maxSize {
            do {
                maxBytes = Int64(clamping: try SizeExpression.parse(maxSize))
            } catch {
                throw Failure.invalid(maxSize, for: "--max-size", error.description)
            }
        }
        let outcome = try LogWork(directory: directory, request: .prune(before: before, maxBytes: maxBytes)).run()
        let (events, names) = (UInt64(clamping: outcome.events), UInt64(clamping: outcome.names))
        let sizes = [outcome.bytesBefore, outcome.bytesAfter].map { Quantity.bytes(UInt64(clamping: $0)) }
        try StandardOutput.write(
            "\(Quantity.count(events, "event")) removed, and \(Quantity.count(names, "name")) that no event uses; "
                + "events.db had \(sizes[0]) and now has \(sizes[1])\n")
    }
}

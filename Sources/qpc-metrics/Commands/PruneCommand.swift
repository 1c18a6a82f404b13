import ArgumentParser
import EventDrain
import Terminal
import TimeWords

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Removes the oldest events from the log, now.",
        discussion: """
            The plugin does this by itself, by QPC_METRICS_PLUGIN_RETENTION and QPC_METRICS_PLUGIN_MAX_SIZE. While a
            server runs, the plugin is asked to do it; otherwise it is done here. Counters stay; the ledger counts
            what left. Disk space returns at once.

            EXAMPLES
              qpc-metrics prune --older-than 7d
              qpc-metrics prune --max-size 1GiB
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("Events older than this leave, such as 7d, 12h or 90m.", valueName: "age"))
    var olderThan: String?

    @Option(help: ArgumentHelp("The oldest events leave until the log is no larger, such as 1GiB or 512MiB.", valueName: "size"))
    var maxSize: String?

    func run() throws {
        guard olderThan != nil || maxSize != nil else {
            throw Failure(Failure.usage, "prune needs --older-than, such as 7d, or --max-size, such as 1GiB, or both")
        }
        var before = Int64.min
        if let olderThan {
            do {
                let age = try DurationExpression.parse(olderThan)
                let (time, overflow) = Environment.nowMicroseconds.subtractingReportingOverflow(age)
                before = overflow ? Int64.min : time
            } catch {
                throw Failure.invalid(olderThan, "--older-than", error.description)
            }
        }
        var maxBytes: Int64?
        if let maxSize {
            do {
                maxBytes = Int64(clamping: try SizeExpression.parse(maxSize))
            } catch {
                throw Failure.invalid(maxSize, "--max-size", error.description)
            }
        }
        let outcome = try LogWork(
            directory: directory, request: .prune(before: before, maxBytes: maxBytes)
        ).run()
        try StandardOutput.write(
            "\(outcome.events) events removed, and \(outcome.names) names that no event uses any more; "
                + "events.db had \(outcome.bytesBefore) bytes and has \(outcome.bytesAfter)\n")
    }
}

import ArgumentParser
import EventDrain
import Terminal

struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Rebuilds the log's indexes and statistics from its events.",
        discussion: """
            For a log in which verify finds them missing or wrong. No event is changed. While a server runs, the command asks \
            its plugin to do it.

            EXAMPLES
              qpc-metrics rebuild --dir /var/lib/quicprochat/metrics
            """)

    @OptionGroup var directory: DirectoryOptions

    func run() throws {
        let outcome = try LogWork(directory: directory, request: .rebuild).run()
        guard outcome.segments > 0 else {
            return try StandardOutput.write("nothing to rebuild: the log has no complete segment of 65,536 events yet\n")
        }
        try StandardOutput.write(Quantity.count(UInt64(clamping: outcome.segments), "segment") + " rebuilt\n")
    }
}

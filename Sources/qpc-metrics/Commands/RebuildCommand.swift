import ArgumentParser
import EventDrain
import Terminal

struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Makes what is kept beside the rows, for statistics and look-ups, anew from the rows.",
        discussion: """
            For a log in which verify finds it missing or wrong. No event is touched. While a server runs, the plugin
            is asked to do it.

            EXAMPLES
              qpc-metrics rebuild --dir /var/lib/quicprochat/metrics
            """)

    @OptionGroup var directory: DirectoryOptions

    func run() throws {
        let outcome = try LogWork(directory: directory, request: .rebuild).run()
        try StandardOutput.write("\(outcome.segments) segments rebuilt\n")
    }
}

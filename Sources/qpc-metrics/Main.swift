import ArgumentParser
import Glibc
import MetricsModel

@main
struct QPCMetrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qpc-metrics",
        abstract: "What a quicprochat server does: its events, its metrics, its ledger.",
        discussion: """
            The metrics plugin writes into a data directory; these commands read it, while the server runs and after
            it has ended. --dir or QPC_METRICS_PLUGIN_DIR says where it is.

            EXAMPLES
              qpc-metrics events --failed --since -1h      failed logins of the last hour
              qpc-metrics events -n 20                     the newest 20 events
              qpc-metrics events -f                        new events, as they come
              qpc-metrics stats                            what happened in the last 24 hours
              qpc-metrics top                              the server live in the terminal
              qpc-metrics prometheus                       every metric, as Prometheus reads it
              qpc-metrics serve                            the same over HTTP, and a status page
              qpc-metrics status                           is it well, and if not, what to do
              qpc-metrics verify                           proof that no event is unaccounted for
              qpc-metrics privacy-report                   what a copy of the directory would give away
              qpc-metrics prune --older-than 7d            retention now
              qpc-metrics forget --user alice              a person leaves the log
              qpc-metrics demo                             see it all without a server
            """,
        version: Version.current,
        subcommands: [
            EventsCommand.self, StatsCommand.self, TopCommand.self, StatusCommand.self, PrometheusCommand.self,
            ServeCommand.self, VerifyCommand.self, RecoverCommand.self, PruneCommand.self, ForgetCommand.self,
            RebuildCommand.self, PrivacyReportCommand.self,
            DemoCommand.self,
        ])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            failure.end()
        } catch {
            let code = exitCode(for: error)
            guard code != .success, code != ExitCode(EXIT_FAILURE) else { exit(withError: error) }
            // One line, whatever the parser would add.
            let hint = "; see qpc-metrics --help"
            Failure(code.rawValue, message(for: error).onOneLine + hint).end()
        }
    }
}

extension String {
    fileprivate var onOneLine: String {
        let line = split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.hasSuffix(".") ? String(line.dropLast()) : line
    }
}

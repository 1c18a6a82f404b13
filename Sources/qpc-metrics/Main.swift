import ArgumentParser
import EventLog
import Glibc
import MetricsModel

@main
struct QPCMetrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qpc-metrics",
        abstract: "Queries the events, metrics and ledger of a quicprochat server.",
        discussion: """
            The metrics plugin writes to a data directory. These commands read it, while the server runs and after it has \
            ended. Set the directory with --dir or QPC_METRICS_PLUGIN_DIR.

            EXAMPLES
              qpc-metrics events --failed --since -1h  failed logins of the last hour
              qpc-metrics events -n 20                 the newest 20 events
              qpc-metrics events -f                    new events as they arrive
              qpc-metrics count --failed --by user     who fails to log in
              qpc-metrics whois --user alice           the pseudonyms of a person
              qpc-metrics stats                        the last 24 hours on one screen
              qpc-metrics top                          live rates, failures and lag
              qpc-metrics prometheus                   every metric in Prometheus format
              qpc-metrics serve                        the same over HTTP; a status page
              qpc-metrics backfill --output qpc.om     the log's past, for Prometheus
              qpc-metrics ship --to URL                the events, to a ClickHouse server
              qpc-metrics status                       health, problems and what to do
              qpc-metrics verify                       proof that no event is missing
              qpc-metrics doctor                       the whole installation, end to end
              qpc-metrics privacy-report               what a stolen copy would reveal
              qpc-metrics prune --older-than 7d        remove old events now
              qpc-metrics forget --user alice          remove a person from the log
              qpc-metrics keygen                       make an operator's key pair
              qpc-metrics demo                         try everything without a server
            """,
        version: Version.current,
        subcommands: [DemoCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Query", subcommands: [EventsCommand.self, CountCommand.self, StatsCommand.self, WhoisCommand.self]),
            CommandGroup(
                name: "Health", subcommands: [StatusCommand.self, TopCommand.self, DoctorCommand.self, VerifyCommand.self]),
            CommandGroup(
                name: "Export",
                subcommands: [PrometheusCommand.self, ServeCommand.self, BackfillCommand.self, ShipCommand.self]),
            CommandGroup(
                name: "Maintenance",
                subcommands: [
                    RecoverCommand.self, PruneCommand.self, ForgetCommand.self, RebuildCommand.self, PrivacyReportCommand.self,
                    KeygenCommand.self, KeyAgentCommand.self,
                ]),
        ])

    static func main() {
        let words = Program.arguments
        Database.prepareForThreads()
        do {
            var command = try parseAsRoot(CommandWords.parserForm(of: words, self))
            try command.run()
        } catch let failure as Failure {
            failure.end()
        } catch {
            let code = exitCode(for: error)
            guard code != .success, code != ExitCode(EXIT_FAILURE) else { exit(withError: error) }
            Failure(parser: message(for: error), code: code.rawValue, command: words.first ?? "").end()
        }
    }
}

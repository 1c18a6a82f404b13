import ArgumentParser
import Glibc
import MetricsModel
import MetricsQuery
import PrometheusText
import Readings
import TimeWords

struct PrometheusCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case openmetrics
    }

    static let configuration = CommandConfiguration(
        commandName: "prometheus",
        abstract: "Prints every metric in Prometheus format.",
        discussion: """
            Reads the live file, whether the server runs or has ended. With --output the file is replaced atomically, as \
            node_exporter's textfile collector needs it. With --every the command waits for a server that has never run.

            EXAMPLES
              qpc-metrics prometheus
              qpc-metrics prometheus --format openmetrics
              qpc-metrics prometheus --output /var/lib/node_exporter/qpc.prom --every 15s
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("The format of the metrics.", valueName: "format"))
    var format: Format = .text

    @Option(help: ArgumentHelp("Replace this file instead of printing.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Repeat after this time, such as 15s.", valueName: "time"))
    var every: String?

    func run() throws {
        let interval = try every.map { text in
            do throws(ExpressionError) {
                let microseconds = try DurationExpression.parse(text)
                if microseconds > 0 { return microseconds }
            } catch {
                throw Failure.invalid(text, for: "--every", error.description)
            }
            throw Failure.invalid(text, for: "--every", "expected a time longer than 0, such as 15s")
        }
        guard let interval else { return try write(read()) }
        // The last notice, so that it is not repeated.
        var said: String?
        while true {
            do {
                let snapshot = try read()
                said = nil
                try write(snapshot)
            } catch let obstacle as Unreadable {
                // The server has not run yet, or its files are being created or restored: a unit that starts at boot waits, as
                // serve does.
                if said != obstacle.failure.message { Notice.say("\(obstacle.failure.message); waiting") }
                said = obstacle.failure.message
            }
            var rest = timespec(tv_sec: Int(interval / 1_000_000), tv_nsec: Int(interval % 1_000_000) * 1000)
            var left = timespec()
            while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
        }
    }

    /// There is nothing to read now, but there may be later.
    private struct Unreadable: Error {
        var failure: Failure
    }

    private func read() throws -> MetricsSnapshot {
        do {
            return try SnapshotReader.read(directory.source)
        } catch {
            let failure = Failure(error)
            if every == nil || failure.code == Failure.noPermission { throw failure }
            throw Unreadable(failure: failure)
        }
    }

    private func write(_ snapshot: MetricsSnapshot) throws {
        if let mismatch = snapshot.mismatch { Notice.say("\(mismatch): some values may be wrong; run qpc-metrics verify") }
        let exposition = Exposition(snapshot: snapshot)
        let bytes =
            format == .text ? PrometheusEncoder().encode(exposition) : OpenMetricsEncoder().encode(exposition)
        if let output {
            try FileReplacement.replace(output, with: bytes)
        } else {
            try StandardOutput.write(bytes)
        }
    }
}

import ArgumentParser
import Doctor
import Glibc
import MetricsModel
import MetricsQuery
import Readings
import Terminal

struct DoctorCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks an installation end to end, and says how to fix it.",
        discussion: """
            Looks at the data directory, the disk it is on, the plugin, the log, its shippers and the exporter; with the URLs of Prometheus and \
            of the server's own metrics also at those. Each check is ok, a warning or a failure; the latter two say how to fix \
            them. Runs as root, as the server's user, or as a reader in the server's group: what it may not read is a \
            warning, "not checked". Changes nothing. Exits with 1 if a check fails.

            EXAMPLES
              qpc-metrics doctor
              qpc-metrics doctor --prometheus http://127.0.0.1:9090
              qpc-metrics doctor --server-metrics http://127.0.0.1:9100 --window 60
              qpc-metrics doctor -o json | jq '.checks[] | select(.result != "ok")'
            """)

    @OptionGroup var directory: DirectoryOptions

    @OptionGroup var shipments: ShipmentOptions

    @Option(
        help: ArgumentHelp("The exporter's URL (default: http://127.0.0.1:10120, if it runs there).", valueName: "url"))
    var exporter: String?

    @Option(help: ArgumentHelp("Also check the target, rules and alerts of this Prometheus.", valueName: "url"))
    var prometheus: String?

    @Option(
        name: .customLong("server-metrics"),
        help: ArgumentHelp("Compare the server's own metrics at this URL with the plugin's.", valueName: "url"))
    var serverMetrics: String?

    @Option(help: ArgumentHelp("Seconds over which the server's metrics are compared.", valueName: "seconds"))
    var window = 10

    @Option(
        name: .customLong("ca-file"),
        help: ArgumentHelp("For https, trust the CAs in this PEM file instead of the system's.", valueName: "file"),
        completion: .file())
    var authorityFile: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The format of the output.", valueName: "format"))
    var output: Format = .text

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    private static let windows = 1...3600
    private static let usualExporter = "http://127.0.0.1:10120"

    func run() throws {
        let exporterAddress = try Self.address(exporter ?? Self.usualExporter, "--exporter", example: Self.usualExporter)
        let prometheusAddress = try prometheus.map {
            try Self.address($0, "--prometheus", example: "http://127.0.0.1:9090")
        }
        let serverAddress = try serverMetrics.map {
            try Self.address($0, "--server-metrics", example: "http://127.0.0.1:9100")
        }
        guard Self.windows.contains(window) else { throw Failure.invalid("\(window)", for: "--window", "expected 1–3600") }

        let client = HTTPClient(authorityFile: authorityFile)
        let plugin = PluginChecks(directory.source)
        var checks = DirectoryChecks(directory: directory.path, identities: plugin.settings?.identities).run()
        if Self.isDirectory(directory.path) {
            checks += StorageChecks.run(directory.path, plugin.settings) + plugin.run()
            checks += shipments.findings(directory.source).map(\.check)
        }
        checks += ExporterCheck(
            client: client, address: exporterAddress, isExpected: exporter != nil, startNanoseconds: plugin.startNanoseconds,
            directory: Shell.word(Environment.absolute(directory.path))
        ).run()
        if let prometheusAddress {
            checks += PrometheusCheck(
                client: client, address: prometheusAddress, startNanoseconds: plugin.startNanoseconds
            ).run()
        }
        if let serverAddress { checks += compare(client, serverAddress) }
        try report(DoctorReport(checks: checks))
    }

    private func report(_ report: DoctorReport) throws {
        let isColored = color.isWanted(isTerminal: isatty(STDOUT_FILENO) == 1, environment: Environment.value)
        try StandardOutput.write(output == .json ? report.json : Array(report.text(isColored ? .color : .none).utf8))
        if report.hasFailed { throw Failure(Failure.somethingWrong, "") }
    }

    private func compare(_ client: HTTPClient, _ address: HTTPAddress) -> [Check] {
        let source = directory.source
        return ServerMetricsCheck(client: client, address: address, windowSeconds: window).run(
            plugin: { (try? source.live()).flatMap { $0 }.map { SnapshotReader.snapshot(of: $0, in: source) } },
            wait: { seconds in
                if StandardError.isTerminal { Notice.say("comparing the server's metrics with the plugin's for \(seconds) s") }
                sleep(UInt32(seconds))
            })
    }

    private static func isDirectory(_ path: String) -> Bool {
        if case .success(let owner) = FileOwner.of(path) { owner.isDirectory } else { false }
    }

    private static func address(_ text: String, _ option: String, example: String) throws -> HTTPAddress {
        guard let address = HTTPAddress(text) else {
            throw Failure.invalid(text, for: option, "expected a URL like \(example)")
        }
        return address
    }
}

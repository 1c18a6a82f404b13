import ArgumentParser
import Exporter
import Glibc

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves every metric to Prometheus over HTTP, and a status page to people.",
        discussion: """
            A separate process, so that a scrape never touches the server's threads. It may start before the server and keeps \
            running when the server ends; /-/ready is 503 while the data directory is missing, unless --wait is given. Flags and web configuration file (TLS, passwords, headers) are those of Prometheus' \
            own exporters. SIGTERM ends it once current responses are sent; SIGHUP reloads the web configuration, which also \
            happens when the file changes.

            EXAMPLES
              qpc-metrics serve
              qpc-metrics serve --dir /var/lib/quicprochat/metrics \\
                  --web.listen-address :10120 --web.config.file /etc/qpc-metrics/web.yml
              curl http://127.0.0.1:10120/metrics
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(
        name: .customLong("web.listen-address"), parsing: .singleValue,
        help: ArgumentHelp("Address to listen on; can be repeated (default: 127.0.0.1:10120).", valueName: "host:port"))
    var listenAddresses: [String] = []

    @Option(name: .customLong("web.telemetry-path"), help: ArgumentHelp("Path of the metrics.", valueName: "path"))
    var telemetryPath = "/metrics"

    @Option(
        name: .customLong("web.config.file"),
        help: ArgumentHelp("TLS, passwords and headers, as for every Prometheus exporter.", valueName: "file"))
    var webConfig: String?

    @Flag(help: "Report ready even before the data directory exists, for a server that has never run.")
    var wait = false

    @Flag(name: .customLong("web.systemd-socket"), help: "Listen on the sockets of a systemd .socket unit instead of addresses.")
    var systemdSocket = false

    @Option(name: .customLong("log.level"), help: ArgumentHelp("The lowest level of messages to log.", valueName: "level"))
    var logLevel = ExporterLog.Level.info

    @Option(name: .customLong("log.format"), help: ArgumentHelp("The format of log lines.", valueName: "format"))
    var logFormat = ExporterLog.Format.logfmt

    func run() throws {
        let log = ExporterLog(level: logLevel, format: logFormat)
        do {
            var options = ExporterOptions(directory: Environment.absolute(directory.path))
            options.waitsForDirectory = wait
            if !listenAddresses.isEmpty {
                options.listenAddresses = try listenAddresses.map { text throws(ExporterError) in
                    try ListenAddress(text)
                }
            }
            options.telemetryPath = telemetryPath
            options.webConfigPath = webConfig
            options.usesSystemdSockets = systemdSocket
            // Before any thread is started, since threads inherit the mask: signals arrive only at this thread.
            let signals = WaitedSignals([SIGTERM, SIGINT, SIGHUP])
            signal(SIGPIPE, SIG_IGN)
            let exporter = try Exporter.start(options, log: log)
            ResidentPages.giveBackCode()
            ServiceManager.notify("READY=1")
            while signals.next() == SIGHUP { exporter.reloadWebConfig() }
            ServiceManager.notify("STOPPING=1")
            log(.info, "stopping")
            signals.endAtNext()
            exporter.stop()
        } catch {
            throw Failure(Self.code(error), error.message)
        }
    }

    private static func code(_ error: ExporterError) -> Int32 {
        switch error {
        case .badFlag, .badWebConfig: Failure.usage
        case .noWebConfig: Failure.noInput
        case .noPermission: Failure.noPermission
        case .cannotListen: Failure.somethingWrong
        }
    }
}

/// Signals that are waited for instead of interrupting the program.
private struct WaitedSignals {
    private var set = sigset_t()

    init(_ signals: [Int32]) {
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    func next() -> Int32 {
        var set = set
        var signal: Int32 = 0
        while sigwait(&set, &signal) != 0 {}
        return signal
    }

    /// A second signal ends the program without waiting for current responses.
    func endAtNext() {
        var set = set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}

import ArgumentParser
import Exporter
import Glibc

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves every metric over HTTP to Prometheus, and a status page to people.",
        discussion: """
            A process of its own, so that a scrape never touches the server's threads. It may start before the server
            and goes on when the server ends. The flags and the web configuration file (TLS, passwords, headers) are
            those of Prometheus' own exporters. SIGTERM ends it when the answers under way are out; SIGHUP reads the
            web configuration again, which it also does by itself when the file changes.

            EXAMPLES
              qpc-metrics serve
              qpc-metrics serve --dir /var/lib/quicprochat/metrics --web.listen-address :10120 \\
                  --web.config.file /etc/qpc-metrics/web.yml
              curl http://127.0.0.1:10120/metrics
            """)

    enum LogLevel: String, CaseIterable, ExpressibleByArgument {
        case debug
        case info
        case warn
        case error
    }

    enum LogFormat: String, CaseIterable, ExpressibleByArgument {
        case logfmt
        case json
    }

    @OptionGroup var directory: DirectoryOptions

    @Option(
        name: .customLong("web.listen-address"), parsing: .singleValue,
        help: ArgumentHelp(
            "Where to listen; may be given several times (default: 127.0.0.1:10120).", valueName: "host:port"))
    var listenAddresses: [String] = []

    @Option(
        name: .customLong("web.telemetry-path"), help: ArgumentHelp("Where the metrics are.", valueName: "path"))
    var telemetryPath = "/metrics"

    @Option(
        name: .customLong("web.config.file"),
        help: ArgumentHelp("TLS, passwords and headers, as for every Prometheus exporter.", valueName: "file"))
    var webConfig: String?

    @Flag(
        name: .customLong("web.systemd-socket"),
        help: "Takes the sockets that systemd's .socket unit opened, instead of addresses.")
    var systemdSocket = false

    @Option(name: .customLong("log.level"), help: ArgumentHelp("debug, info, warn or error.", valueName: "level"))
    var logLevel = LogLevel.info

    @Option(name: .customLong("log.format"), help: ArgumentHelp("logfmt or json.", valueName: "format"))
    var logFormat = LogFormat.logfmt

    func run() throws {
        let log = ExporterLog(
            level: .init(rawValue: logLevel.rawValue) ?? .info, format: .init(rawValue: logFormat.rawValue) ?? .logfmt)
        do {
            var options = ExporterOptions(directory: directory.path)
            if !listenAddresses.isEmpty {
                options.listenAddresses = try listenAddresses.map { text throws(ExporterError) in
                    try ListenAddress(text)
                }
            }
            options.telemetryPath = telemetryPath
            options.webConfigPath = webConfig
            options.usesSystemdSockets = systemdSocket
            // Before there are threads, which inherit it: signals come to this one alone.
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

/// Signals that are waited for, instead of interrupting.
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

    /// For somebody who does not wait for the answers under way.
    func endAtNext() {
        var set = set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}

import ArgumentParser
import EventLog
import EventOutput
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import PrometheusText
import Readings
import Terminal

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Shows everything without a server.",
        discussion: """
            Loads the plugin as the server would, calls every hook from several threads with realistic traffic, and shows the \
            resulting events, a summary and the metrics. Uses a new directory under the system's temporary one, and removes it \
            at the end unless --keep is given.

            EXAMPLES
              qpc-metrics demo
              qpc-metrics demo --keep --calls 100000
            """)

    @Option(
        help: ArgumentHelp(
            "The plugin (default: libMetricsPlugin.so beside this program or where the packages put it).", valueName: "path"))
    var plugin: String?

    @Option(help: ArgumentHelp("Number of threads that call hooks, 1–64.", valueName: "N"))
    var threads = 4

    @Option(help: ArgumentHelp("Number of calls by each thread.", valueName: "N"))
    var calls = 5000

    @Option(help: ArgumentHelp("Seed of the traffic.", valueName: "N"))
    var seed: UInt64 = 1

    @Flag(help: "Keep the data directory.")
    var keep = false

    func run() throws {
        guard (1...64).contains(threads) else { throw Failure.invalid("\(threads)", for: "--threads", "expected 1–64") }
        guard calls >= 0 else { throw Failure.invalid("\(calls)", for: "--calls", "expected 0 or more") }
        let path = try pluginPath()
        let directory = try Self.makeDirectory()
        defer { if !keep { Self.remove(directory) } }
        setenv(DirectoryOptions.variable, directory, 1)
        // What the plugin has to say of itself is no part of the story, unless something is wrong.
        setenv("QPC_METRICS_PLUGIN_LOG_LEVEL", "warning", 0)

        try heading("The plugin \(path), loaded as the server would")
        let host = try PluginHost(path: path)
        try StandardOutput.write(
            "\(Quantity.count(UInt64(threads), "thread")), \(Quantity.count(UInt64(calls), "hook call")) each; data goes to "
                + "\(directory)\n")
        let start = ContinuousClock.now
        let called = try DemoThreads(host: host, calls: calls, seed: seed).run(threads: threads)
        let elapsed = ContinuousClock.now - start
        host.shutDown()
        try StandardOutput.write(
            "\(Quantity.count(UInt64(called.events), "event")) in \(Self.milliseconds(elapsed)); "
                + "the server has shut down and unloaded the plugin\n")
        try show(directory: directory, called: called)
        if keep {
            try heading("The data directory is kept")
            try StandardOutput.write("export \(DirectoryOptions.variable)=\(directory)\n")
        }
    }

    private func show(directory: String, called: DemoCalls) throws {
        let source = DataSource(directory: directory)
        let log = try querying { () throws(DataSourceError) in try source.requiredLog() }
        try heading("qpc-metrics events -n 12")
        try printEvents(log) { $0.newest = 12 }
        try heading("qpc-metrics events --failed --user mallory -n 5")
        let mallory = TermResolver(directory: directory).user("mallory")
        try printEvents(log) {
            $0.failedOnly = true
            $0.user = mallory
            $0.newest = 5
        }

        try heading("Summary: hooks called, and events in the log")
        let snapshot = try querying { () throws(DataSourceError) in try SnapshotReader.read(source) }
        var table = Table(header: ["kind", "called", "in the log"])
        let expected = [
            called.messages, called.batchMessages, called.logins, called.channels, called.fetches,
            called.registrations,
        ]
        for kind in EventKind.allCases {
            table.add([
                kind.name, Quantity.grouped(UInt64(expected[kind.index])), Quantity.grouped(snapshot.inLog(kind)),
            ])
        }
        try StandardOutput.write(table.text)

        try heading("qpc-metrics verify")
        let ledger = try querying { () throws(DataSourceError) in try Ledger.prove(source) }
        try StandardOutput.write(
            "ledger: \(ledger.isExact ? "exact" : "NOT exact"), log: \(ledger.problems.isEmpty ? "sound" : "DAMAGED")\n")

        try heading("qpc-metrics prometheus")
        try StandardOutput.write(PrometheusEncoder().encode(Exposition(snapshot: snapshot)))

        let isComplete = EventKind.allCases.allSatisfy {
            UInt64(expected[$0.index]) == snapshot.recorded($0)
                && snapshot.recorded($0) == snapshot.inLog($0) &+ snapshot.dropped($0)
        }
        guard isComplete && ledger.isExact && ledger.problems.isEmpty else {
            throw Failure(Failure.somethingWrong, "the log and the counters differ from what was called")
        }
    }

    private func printEvents(_ log: EventLogReader, _ change: (inout EventFilter) -> Void) throws {
        var filter = EventFilter()
        change(&filter)
        try EventPrinter(format: .table).print(filter, from: log)
    }

    private func heading(_ text: String) throws { try StandardOutput.write("\n── \(text)\n") }

    private static func milliseconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000) ms"
    }

    private func pluginPath() throws -> String {
        if let plugin {
            guard access(plugin, R_OK) == 0 else {
                throw Failure(
                    Failure.noInput, "there is no plugin at \(plugin); set the path of libMetricsPlugin.so with --plugin")
            }
            return plugin
        }
        let places = (Program.directory.map { [$0, "\($0)/../lib/quicprochat/plugins"] } ?? []) + [Self.packagedDirectory]
        for place in places where access(place + "/libMetricsPlugin.so", R_OK) == 0 { return place + "/libMetricsPlugin.so" }
        throw Failure(
            Failure.noInput,
            "there is no libMetricsPlugin.so in \(places.joined(separator: ", ")); set its path with --plugin, or install "
                + "quicprochat-plugin-metrics")
    }

    /// Where the package has it.
    private static let packagedDirectory = "/usr/lib/quicprochat/plugins"

    private static func makeDirectory() throws -> String {
        let parent = Environment.value("TMPDIR") ?? "/tmp"
        var template = Array((parent + "/qpc-metrics-demo-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else {
            throw Failure(
                Failure.somethingWrong, "cannot create a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        return String(cString: made)
    }

    /// The plugin's files and the directory; any other file stays, and so does its directory.
    private static func remove(_ directory: String) {
        for file in DataFile.allCases { unlink(file.path(in: directory)) }
        rmdir(directory)
    }
}

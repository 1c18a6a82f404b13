import ArgumentParser
import EventDrain
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
            Generates a day of a small server's traffic with an attack in it, and shows what it looks like; then starts a \
            server with the plugin, kills it with SIGKILL while it works, and proves that nothing is lost. The new data \
            directory, in the system's temporary directory, is kept so that you can continue; --remove removes it. Ctrl-C \
            leaves nothing behind.

            --live continues with a running server, shown in top; --serve with one and the exporter on http://127.0.0.1:10120/.

            EXAMPLES
              qpc-metrics demo
              qpc-metrics demo --live
              qpc-metrics demo --serve
            """)

    @Option(
        help: ArgumentHelp(
            "The plugin (default: libMetricsPlugin.so next to this program, or where the packages install it).",
            valueName: "path"))
    var plugin: String?

    @Option(help: ArgumentHelp("Number of the server's threads, 1–64.", valueName: "N"))
    var threads = 4

    @Option(help: ArgumentHelp("Events before the server is killed.", valueName: "N"))
    var events = 20_000

    @Option(help: ArgumentHelp("Seed of the traffic.", valueName: "N"))
    var seed: UInt64 = 1

    @Flag(help: "Remove the data directory at the end.")
    var remove = false

    @Flag(help: "Continue with a running server, shown in top.")
    var live = false

    @Flag(help: "Continue with a running server and the exporter.")
    var serve = false

    /// The demo's own server: see `DemoServer`.
    @Flag(help: .hidden)
    var asServer = false

    @Option(help: .hidden)
    var pause = 20

    /// Only writes the day into this directory, for pages that show what commands print: with the same clock, seed and
    /// `identity.key`, the same day.
    @Option(help: .hidden)
    var day: String?

    /// With `--day`: a day without an attack.
    @Flag(help: .hidden)
    var calm = false

    func run() throws {
        guard (1...DemoServer.mostThreads).contains(threads) else {
            throw Failure.invalid("\(threads)", for: "--threads", "expected 1–64")
        }
        guard events >= 0 else { throw Failure.invalid("\(events)", for: "--events", "expected 0 or more") }
        if let day {
            let now = Environment.nowMicroseconds
            _ = try DemoDay.write(into: day, seed: seed, now: now, zone: .local, isCalm: calm)
            return
        }
        if asServer { try DemoServer.serve(plugin: pluginPath(), threads: threads, seed: seed, pause: pause) }
        if [remove, live, serve].count(where: { $0 }) > 1 {
            throw Failure(Failure.usage, "--remove, --live and --serve cannot be combined; see qpc-metrics demo --help")
        }
        let plugin = try pluginPath()
        // The plugin's own messages are not part of the story, unless something is wrong.
        setenv("QPC_METRICS_PLUGIN_LOG_LEVEL", "warning", 0)
        let directory = try DemoPlace.make()
        DemoPlace.removeWhenInterrupted(directory)
        do {
            try DemoStory(directory: directory, plugin: plugin, threads: threads, events: events, seed: seed).tell()
        } catch {
            DemoPlace.remove(directory)
            throw error
        }
        if live || serve { try goOn(plugin, directory) }
        if remove { DemoPlace.remove(directory) }
    }

    /// Continues with a server as busy as on a quiet day, until the command that watches it ends.
    private func goOn(_ plugin: String, _ directory: String) throws -> Never {
        let server = try DemoServer(plugin: plugin, directory: directory, threads: threads, seed: seed &+ 1, pause: 20_000)
        DemoPlace.server = server.pid
        try server.wait(for: 1)
        // The server ends with this process; the directory stays.
        DemoPlace.keep()
        guard let program = Program.path else { throw Failure(Failure.somethingWrong, "this program's own path is unknown") }
        unsetenv("QPC_METRICS_PLUGIN_LOG_LEVEL")
        let words = [program, live ? "top" : "serve", "--dir", directory]
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv(program, &argv)
        throw Failure(Failure.somethingWrong, "cannot start \(words[1]): \(String(cString: strerror(errno)))")
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

    /// Where the package installs it.
    private static let packagedDirectory = "/usr/lib/quicprochat/plugins"
}

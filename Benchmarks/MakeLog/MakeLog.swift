import ArgumentParser
import Glibc
import PastEvents
import Terminal

/// Makes a large log for benchmarks: `scripts/make-log`. A developer tool; it is not installed.
@main
struct MakeLog: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make-log",
        abstract: "Makes a data directory with a month of a busy server's events, for measuring.",
        discussion: """
            The events go through a ring and the drain into the log, as the plugin's do, at times that lie back. The same
            seed, numbers and end make the same events; their pseudonyms are under a new key each time.
            """)

    @Option(help: "How many events.")
    var events = 10_000_000

    @Option(help: "Over how many days, the last of which ends now.")
    var days = 30

    @Option(help: "Another seed gives other traffic.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("When the last event is, in seconds since 1970 (default: now).", valueName: "seconds"))
    var end: Int64?

    @Argument(help: "The data directory to make; there must be no log in it yet.")
    var directory: String

    func validate() throws {
        guard events > 0 else { throw ValidationError("--events \(events) is not understood; 1 or more is") }
        guard (1...3650).contains(days) else { throw ValidationError("--days \(days) is not understood; 1 to 3650 are") }
        guard access(directory + "/events.db", F_OK) != 0 else {
            throw ValidationError("there is a log in \(directory) already; remove it, or name another directory")
        }
    }

    func run() throws {
        let end = self.end ?? Int64(time(nil))
        let sink = try LogSink(directory: directory, seed: seed)
        var traffic = Traffic(sink: sink, seed: seed)
        let rhythm = Rhythm(days: days, endSeconds: end, events: events, seed: seed)
        let isWatched = isatty(2) == 1
        for slot in 0..<rhythm.slots {
            try traffic.fill(rhythm.slot(slot), until: rhythm.eventsBefore(slot + 1))
            if isWatched { Self.say("\r\(sink.events) of \(events) events\u{1B}[K") }
        }
        try sink.close()
        if isWatched { Self.say("\r\u{1B}[K") }
        print("\(sink.events) events over \(days) days in \(directory), seed \(seed), end \(UTCTime.text(end * 1_000_000))")
    }

    private static func say(_ text: String) { text.withCString { _ = write(2, $0, strlen($0)) } }
}

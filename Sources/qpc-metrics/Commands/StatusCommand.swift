import ArgumentParser
import MetricsModel
import MetricsQuery
import Terminal
import TimeWords

struct StatusCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "One screen: is the plugin up, does it lose anything, what is wrong, what to do.",
        discussion: """
            Exits with 1 when something is wrong, so that a monitor can ask.

            EXAMPLES
              qpc-metrics status
              qpc-metrics status -o json
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("text or json.", valueName: "format"))
    var output: Format = .text

    func run() throws {
        let status = try querying { () throws(DataSourceError) in try Status.read(directory.source) }
        try StandardOutput.write(output == .json ? Self.json(status) : Array(Self.text(status).utf8))
        guard status.problems.isEmpty else { throw Failure(Failure.somethingWrong, "") }
    }

    private static func word(_ plugin: Status.Plugin) -> (name: String, pid: Int32?) {
        switch plugin {
        case .up(let pid): ("up", pid)
        case .stuck(let pid): ("stuck", pid)
        case .stopped: ("stopped", nil)
        case .died: ("died", nil)
        case .neverRan: ("never ran", nil)
        }
    }

    private static func sum(_ count: (EventKind) -> UInt64) -> UInt64 {
        EventKind.allCases.reduce(0) { $0 &+ count($1) }
    }

    private static func text(_ status: Status) -> String {
        let snapshot = status.snapshot
        let (name, pid) = word(status.plugin)
        var text = "plugin      \(name)" + (pid.map { ", process \($0)" } ?? "")
        if !snapshot.version.isEmpty { text += ", version \(snapshot.version)" }
        if snapshot.startNanoseconds != 0 {
            text += ", started " + LocalTime.text(Int64(snapshot.startNanoseconds / 1000), zone: .local)
        }
        text += "\nidentities  \(snapshot.identities.name)\n"
        if let readsTickCounter = status.readsTickCounter {
            text += "clock       "
            text +=
                readsTickCounter
                ? "the CPU's tick counter\n"
                : "clock_gettime, since this CPU has no tick counter of one rate; hooks take some 20 ns longer\n"
        }
        let counts = [
            (sum(snapshot.recorded), "recorded"), (sum(snapshot.inLog), "in the log"), (snapshot.pending, "pending"),
            (sum(snapshot.dropped), "dropped"), (sum(snapshot.removed), "removed"),
        ]
        text += "events      " + counts.map { "\(Quantity.grouped($0)) \($1)" }.joined(separator: ", ") + "\n"
        for cause in DropCause.allCases {
            let count = sum { snapshot.counters[CounterIndex.dropped($0, cause)] }
            if count > 0 { text += "            \(Quantity.grouped(count)) dropped: \(cause.name)\n" }
        }
        if let rings = status.rings {
            let lag = Quantity.duration(nanoseconds: status.lagNanoseconds / 1_000_000 * 1_000_000)
            text += "lag         \(lag), \(rings.waitingBytes.count) rings of \(Quantity.bytes(UInt64(rings.ringBytes))), "
            text += "the fullest \(Int((rings.fullest * 100).rounded())) %\n"
        }
        text += "log         \(Quantity.bytes(snapshot.logBytes)), WAL \(Quantity.bytes(snapshot.walBytes))"
        if let oldest = snapshot.oldestEventMicroseconds {
            text += ", oldest event " + LocalTime.text(oldest, zone: .local)
        }
        text += "\n"
        if let settings = status.settings {
            text += "keeps       " + (settings.retentionNanoseconds.map(Quantity.exact) ?? "events of any age")
            text += settings.maxLogBytes.map { ", at most \(Quantity.bytes($0))\n" } ?? ", of any size\n"
        }
        text += status.problems.isEmpty ? "all is well\n" : "wrong:\n"
        for problem in status.problems { text += "  \(problem)\n" }
        return text
    }

    private static func json(_ status: Status) -> [UInt8] {
        let snapshot = status.snapshot
        let (name, pid) = word(status.plugin)
        var fields: [(String, JSON)] = [("plugin", .text(name))]
        func add(_ key: String, _ value: JSON) { fields.append((key, value)) }
        if let pid { add("pid", .number(pid)) }
        add("version", .text(snapshot.version))
        if snapshot.startNanoseconds != 0 { add("started", .time(Int64(snapshot.startNanoseconds / 1000))) }
        add("identities", .text(snapshot.identities.name))
        if let ticks = status.readsTickCounter { add("clock", .text(ticks ? "ticks" : "clock_gettime")) }
        add("recorded", .number(sum(snapshot.recorded)))
        add("in_log", .number(sum(snapshot.inLog)))
        add("pending", .number(snapshot.pending))
        let dropped = DropCause.allCases.map { cause in
            (cause.name, JSON.number(sum { snapshot.counters[CounterIndex.dropped($0, cause)] }))
        }
        add("dropped", .object(dropped))
        add("removed", .number(sum(snapshot.removed)))
        if let rings = status.rings {
            add("lag_seconds", .seconds(nanoseconds: status.lagNanoseconds))
            add("rings", .number(rings.waitingBytes.count))
            add("ring_bytes", .number(rings.ringBytes))
            add("fullest_ring_bytes", .number(rings.waitingBytes.max() ?? 0))
        }
        add("log_bytes", .number(snapshot.logBytes))
        add("wal_bytes", .number(snapshot.walBytes))
        if let retention = status.settings?.retentionNanoseconds { add("retention_seconds", .seconds(nanoseconds: retention)) }
        if let cap = status.settings?.maxLogBytes { add("max_log_bytes", .number(cap)) }
        if let oldest = snapshot.oldestEventMicroseconds { add("oldest_event", .time(oldest)) }
        add("flush_error", .number(status.flushTrouble))
        add("ok", .bool(status.problems.isEmpty))
        add("problems", .array(status.problems.map(JSON.text)))
        return JSON.object(fields).line
    }
}

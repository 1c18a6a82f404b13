import ArgumentParser
import EventOutput
import MetricsModel
import MetricsQuery
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
        try StandardOutput.write(output == .json ? Self.json(status) : Self.text(status))
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
        text += "events      \(sum(snapshot.recorded)) recorded, \(sum(snapshot.inLog)) in the log, "
        text += "\(snapshot.pending) pending, \(sum(snapshot.dropped)) dropped, \(sum(snapshot.removed)) removed\n"
        for cause in DropCause.allCases {
            let count = sum { snapshot.counters[CounterIndex.dropped($0, cause)] }
            if count > 0 { text += "            \(count) dropped: \(cause.name)\n" }
        }
        if let rings = status.rings {
            text += "lag         \(seconds(status.lagNanoseconds)) s, \(rings.waitingBytes.count) rings of "
            text += "\(size(UInt64(rings.ringBytes))), the fullest \(Int((rings.fullest * 100).rounded())) %\n"
        }
        text += "log         \(size(snapshot.logBytes)), write-ahead \(size(snapshot.walBytes))"
        if let oldest = snapshot.oldestEventMicroseconds {
            text += ", oldest event " + LocalTime.text(oldest, zone: .local)
        }
        text += "\n"
        if let settings = status.settings {
            text += "keeps       " + (settings.retentionNanoseconds.map(age) ?? "events of any age")
            text += settings.maxLogBytes.map { ", at most \(size($0))\n" } ?? ", of any size\n"
        }
        text += status.problems.isEmpty ? "all is well\n" : "wrong:\n"
        for problem in status.problems { text += "  \(problem)\n" }
        return text
    }

    private static func age(_ nanoseconds: UInt64) -> String {
        let units: [(String, UInt64)] = [("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1)]
        for (name, seconds) in units where nanoseconds % (seconds * 1_000_000_000) == 0 {
            return "\(nanoseconds / (seconds * 1_000_000_000)) \(name)"
        }
        return "\(nanoseconds / 1_000_000) milliseconds"
    }

    /// With three decimals.
    private static func seconds(_ nanoseconds: UInt64) -> String {
        let milliseconds = "\(nanoseconds / 1_000_000 % 1000)"
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 3 - milliseconds.utf8.count) + milliseconds
    }

    private static func size(_ bytes: UInt64) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] as [(String, UInt64)] where bytes >= 1 << shift {
            let tenths = (bytes &* 10) >> shift
            return "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) B"
    }

    private static func json(_ status: Status) -> String {
        let snapshot = status.snapshot
        let (name, pid) = word(status.plugin)
        func quoted(_ text: String) -> String {
            String(decoding: JSONString.quoted(Array(text.utf8)), as: UTF8.self)
        }
        var fields: [String] = []
        func add(_ key: String, _ value: String) { fields.append("\"\(key)\":\(value)") }
        add("plugin", quoted(name))
        if let pid { add("pid", "\(pid)") }
        add("version", quoted(snapshot.version))
        if snapshot.startNanoseconds != 0 {
            add("started", quoted(UTCTime.text(Int64(snapshot.startNanoseconds / 1000))))
        }
        add("identities", quoted(snapshot.identities.name))
        if let ticks = status.readsTickCounter { add("clock", quoted(ticks ? "ticks" : "clock_gettime")) }
        add("recorded", "\(sum(snapshot.recorded))")
        add("in_log", "\(sum(snapshot.inLog))")
        add("pending", "\(snapshot.pending)")
        let dropped = DropCause.allCases.map { cause in
            "\"\(cause.name)\":\(sum { snapshot.counters[CounterIndex.dropped($0, cause)] })"
        }
        add("dropped", "{" + dropped.joined(separator: ",") + "}")
        add("removed", "\(sum(snapshot.removed))")
        if let rings = status.rings {
            add("lag_seconds", seconds(status.lagNanoseconds))
            add("rings", "\(rings.waitingBytes.count)")
            add("ring_bytes", "\(rings.ringBytes)")
            add("fullest_ring_bytes", "\(rings.waitingBytes.max() ?? 0)")
        }
        add("log_bytes", "\(snapshot.logBytes)")
        add("wal_bytes", "\(snapshot.walBytes)")
        if let retention = status.settings?.retentionNanoseconds { add("retention_seconds", seconds(retention)) }
        if let cap = status.settings?.maxLogBytes { add("max_log_bytes", "\(cap)") }
        if let oldest = snapshot.oldestEventMicroseconds { add("oldest_event", quoted(UTCTime.text(oldest))) }
        add("flush_error", "\(status.flushTrouble)")
        add("ok", status.problems.isEmpty ? "true" : "false")
        add("problems", "[" + status.problems.map(quoted).joined(separator: ",") + "]")
        return "{" + fields.joined(separator: ",") + "}\n"
    }
}

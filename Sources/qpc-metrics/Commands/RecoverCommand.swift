import ArgumentParser
import EventDrain
import Glibc
import MetricsMemory
import MetricsModel
import MetricsQuery
import Terminal

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Moves the pending events of a dead server into the log.",
        discussion: """
            The plugin does the same at its next start; this is for a server that will not start soon. Needs write access to \
            the data directory, and refuses while a server holds it. Running it twice does no harm.

            --salvage saves what can be read of a damaged log, such as one that the plugin quarantined, into a new log in \
            another directory: events under their ids and times, names, and counters of what was saved. The damaged file is \
            not changed. To look up names there, copy identity.key as well.

            EXAMPLES
              qpc-metrics recover --dir /var/lib/quicprochat/metrics
              qpc-metrics recover --salvage events.db.damaged-20261122T140501Z --into saved
              qpc-metrics events --dir saved --since "2026-11-22 13:00"
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("A damaged log to save the events of.", valueName: "file"), completion: .file())
    var salvage: String?

    @Option(help: ArgumentHelp("The new directory for the saved events.", valueName: "path"), completion: .directory)
    var into: String?

    func run() throws {
        guard salvage != nil || into != nil else {
            return try StandardOutput.write(Self.recover(directory: directory.path))
        }
        guard let salvage, let into else {
            throw Failure(Failure.usage, "--salvage FILE and --into DIRECTORY are used together")
        }
        guard directory.given == nil else {
            throw Failure(Failure.usage, "--dir cannot be used with --salvage: the damaged log is named by --salvage")
        }
        let outcome = try LogSalvage(damaged: salvage, directory: into).run()
        try StandardOutput.write(Self.text(outcome, into: into))
        guard outcome.events > 0 else {
            throw Failure(Failure.somethingWrong, "no event could be read from \(salvage)")
        }
    }

    private static func text(_ outcome: LogSalvage.Outcome, into directory: String) -> String {
        func count(_ number: some BinaryInteger, _ what: String) -> String { Quantity.count(UInt64(clamping: number), what) }
        var lines = ["\(count(outcome.events, "event")) saved into \(directory)"]
        for kind in EventKind.allCases where outcome.saved[kind.index] > 0 {
            lines.append("  \(kind.name)  \(Quantity.grouped(outcome.saved[kind.index]))")
        }
        if outcome.isFirstPageReplaced { lines.append("the first page was unreadable; a new log's was put in its place") }
        if outcome.holes > 0 { lines.append("\(count(outcome.holes, "damaged place")) skipped") }
        if outcome.impossible > 0 { lines.append("\(count(outcome.impossible, "row")) left out: not what was written") }
        if outcome.namesLost > 0 {
            lines.append("\(count(outcome.namesLost, "name")) in events lost with the names' own entries")
        }
        if outcome.incomplete > 0 {
            lines.append(
                "\(Quantity.grouped(UInt64(outcome.incomplete))) of \(count(outcome.segments, "segment")) do not match their "
                    + "checksums: some of their events are missing or changed")
        } else if outcome.segments > 0 {
            lines.append("all \(count(outcome.segments, "segment")) match their checksums: every event is as it was written")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Returns: what was recovered, in words.
    static func recover(directory: String) throws -> String {
        let source = DataSource(directory: directory)
        // Without a log or a live file there is nothing to recover, and nothing is created.
        let live = try querying { () throws(DataSourceError) in try source.live() }
        if live == nil { _ = try querying { () throws(DataSourceError) in try source.requiredLog() } }
        let held: DataDirectory
        do {
            held = try DataDirectory(path: directory, create: false)
        } catch {
            throw Failure.ofWriting(Self.code(error), error.message)
        }
        var settings = try RestoredCopy.settings(source, live)
        settings.syncIntervalNanoseconds = 0
        let outcome: Recovery.Outcome
        do {
            outcome = try Recovery.run(held, settings: settings, log: PluginLogger(level: .warning))
        } catch {
            throw Failure.ofWriting(Self.code(error), error.message)
        }
        do {
            try outcome.writer.checkpoint(truncating: true)
        } catch {
            throw Failure.ofWriting(error.isPermission ? Failure.noPermission : Failure.somethingWrong, error.message)
        }
        func count(_ events: some BinaryInteger) -> String { Quantity.count(UInt64(clamping: events), "event") }
        var text = "\(count(outcome.recovered)) recovered\n"
        if !outcome.recoveredRows { text = "\(count(outcome.recovered)) counted, and not kept: \(Settings.logIsOff)\n" }
        if outcome.lost > 0 { text += "\(count(outcome.lost)) lost with a log that was deleted or replaced\n" }
        if outcome.torn > 0 { text += "\(count(outcome.torn)) counted, but not recoverable\n" }
        return text
    }

    static func code(_ error: RecoveryError) -> Int32 {
        switch error {
        case .live(let error) where error.code == EACCES: return Failure.noPermission
        case .key(.system(_, _, let code)) where code == EACCES: return Failure.noPermission
        case .log(let error) where error.isPermission: return Failure.noPermission
        default: return Failure.somethingWrong
        }
    }

    static func code(_ error: DirectoryError) -> Int32 {
        switch error {
        case .unusable(_, _, let code) where code == EACCES || code == EPERM: return Failure.noPermission
        case .unusable(_, _, let code) where code == ENOENT: return Failure.noInput
        default: return Failure.somethingWrong
        }
    }
}

import ArgumentParser
import EventDrain
import Glibc
import MetricsMemory
import MetricsModel
import MetricsQuery

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Takes a dead server's pending events into the log.",
        discussion: """
            The plugin's next start does the same; this is for a server that will not start again soon. Needs write
            access to the data directory, and is refused while a server holds it. Doing it twice does no harm.

            EXAMPLES
              qpc-metrics recover --dir /var/lib/quicprochat/metrics
            """)

    @OptionGroup var directory: DirectoryOptions

    func run() throws {
        // Without a log or a live file there is nothing to recover, and nothing is made.
        let live = try querying { () throws(DataSourceError) in try directory.source.live() }
        if live == nil { _ = try querying { () throws(DataSourceError) in try directory.source.requiredLog() } }
        let held: DataDirectory
        do {
            held = try DataDirectory(path: directory.path, create: false)
        } catch {
            throw Failure(Self.code(error), error.message)
        }
        var settings = live?.header.settings ?? Settings()
        settings.syncIntervalNanoseconds = 0
        let outcome: Recovery.Outcome
        do {
            outcome = try Recovery.run(held, settings: settings, log: PluginLogger(level: .warning))
        } catch {
            throw Failure(Self.code(error), error.message)
        }
        do {
            try outcome.writer.checkpoint(truncating: true)
        } catch {
            throw Failure(Failure.somethingWrong, error.message)
        }
        var text = "\(outcome.recovered) events recovered\n"
        if outcome.lost > 0 { text += "\(outcome.lost) events are gone with a log that was deleted or replaced\n" }
        if outcome.torn > 0 { text += "\(outcome.torn) events were counted, and did not survive\n" }
        try StandardOutput.write(text)
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

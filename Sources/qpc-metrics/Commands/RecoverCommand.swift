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

            EXAMPLES
              qpc-metrics recover --dir /var/lib/quicprochat/metrics
            """)

    @OptionGroup var directory: DirectoryOptions

    func run() throws { try StandardOutput.write(Self.recover(directory: directory.path)) }

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
            throw Failure(Self.code(error), error.message)
        }
        var settings = try RestoredCopy.settings(source, live)
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
        func count(_ events: some BinaryInteger) -> String { Quantity.count(UInt64(clamping: events), "event") }
        var text = "\(count(outcome.recovered)) recovered\n"
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

import EventDrain
import EventLog
import Glibc
import MetricsMemory
import MetricsModel
import MetricsQuery
import Pseudonyms
import Terminal

/// Maintenance of the whole log: done by the running plugin, which is the log's only writer, or, if no server runs, by this
/// process, which then holds the directory.
struct LogWork {
    let directory: DirectoryOptions
    let request: ControlClient.Request
    /// The same person under other names, removed along with the first.
    var also: [ControlClient.Request] = []

    /// - Throws: `Failure` with code 66 if there is neither a log nor a live file.
    func requireDirectory() throws {
        let live = try querying { () throws(DataSourceError) in try directory.source.live() }
        if live == nil { _ = try querying { () throws(DataSourceError) in try directory.source.requiredLog() } }
    }

    /// - Parameter receipt: called with what was done, and with what is left to do if it did not end well; also called before
    ///   this throws, if anything was done.
    func run(receipt: (MaintenanceJob.Outcome, _ problem: String?) throws -> Void = { _, _ in }) throws -> MaintenanceJob.Outcome
    {
        try requireDirectory()
        let live = try querying { () throws(DataSourceError) in try directory.source.live() }
        do {
            let outcome = try work(live)
            try receipt(outcome, nil)
            return outcome
        } catch let half as Unfinished {
            try receipt(half.outcome, half.problem)
            let done = "\(Quantity.count(half.outcome.events, "event")) removed, but "
            throw Failure(Failure.somethingWrong, (half.outcome.events > 0 ? done : "") + half.problem)
        }
    }

    /// Part of the work was done, and part is left.
    private struct Unfinished: Error {
        var outcome: MaintenanceJob.Outcome
        var problem: String
    }

    private func work(_ live: LiveFileReader?) throws -> MaintenanceJob.Outcome {
        let held: DataDirectory
        do {
            held = try DataDirectory(path: directory.path, create: false)
        } catch {
            if case .inUse = error { return try ask(pid: live?.header.pid) }
            throw Failure.ofWriting(Self.code(error), error.message)
        }
        return try work(held, settings: RestoredCopy.settings(directory.source, live))
    }

    private func ask(pid: Int32?) throws -> MaintenanceJob.Outcome {
        do {
            let progress = Progress()
            defer { progress.end() }
            let readers = ReaderNotice(directory.source, writer: pid ?? 0)
            var done = MaintenanceJob.Outcome()
            for request in [request] + also {
                let outcome = try ControlClient.ask(request, directory: directory.path) {
                    progress.show($0)
                    readers.look()
                }
                done.add(outcome)
            }
            return done
        } catch {
            let server = pid.map { "the server, process \($0)," } ?? "the process that holds \(directory.path)"
            switch error {
            case .unreachable(let code) where code == EACCES:
                throw Failure(
                    Failure.noPermission, "\(server) takes requests only from its own user and root: run this as one of them")
            case .unreachable(let code):
                throw Failure(
                    Failure.somethingWrong,
                    "\(server) is writing the log and cannot be reached (\(String(cString: strerror(code)))): "
                        + "stop it, or load a plugin of this version"
                )
            case .silent(hasBegun: false):
                throw Failure(
                    Failure.somethingWrong,
                    "\(server) did not answer within 15 s: it is stopped, or its disk hangs; nothing was removed, and nothing "
                        + "will be: run this again when qpc-metrics status says that it is well")
            case .silent(hasBegun: true):
                throw Failure(
                    Failure.somethingWrong,
                    "\(server) has not answered for 15 s, and may go on with what it began: see its standard error, "
                        + "or run this again")
            case .closed(hasBegun: false):
                throw Failure(
                    Failure.somethingWrong,
                    "\(server) takes no requests: it is shutting down, or only takes them from its own user and root")
            case .closed(hasBegun: true):
                throw Failure(
                    Failure.somethingWrong, "\(server) ended before it was done: run this again, or after qpc-metrics recover")
            case .refused(let why, let outcome): throw Unfinished(outcome: outcome, problem: why)
            }
        }
    }

    private func work(_ held: DataDirectory, settings: Settings) throws -> MaintenanceJob.Outcome {
        let recovered: Recovery.Outcome
        do {
            recovered = try Recovery.run(
                // The checkpoint at the end syncs. After a power cut before it, the user has to run the command again.
                held, settings: settings, log: PluginLogger(level: .warning))
        } catch {
            throw Failure.ofWriting(RecoverCommand.code(error), error.message)
        }
        var done = MaintenanceJob.Outcome()
        do throws(LogError) {
            let progress = Progress()
            defer { progress.end() }
            for request in [request] + also {
                let before = done
                let job = try MaintenanceJob(order(request, recovered.writer), writer: recovered.writer, isAsked: true)
                while !job.isDone {
                    try job.step { (cause, body) throws(LogError) -> [UInt64] in try recovered.remove(cause, body) }
                    done = before
                    done.add(job.outcome)
                    progress.show(done)
                    if job.waitsForReaders, !recovered.writer.isWALEmpty { try waitForReaders(recovered.writer) }
                }
                done = before
                done.add(job.outcome)
            }
            KeyRotation(directory: held.path, rotationNanoseconds: nil, log: PluginLogger(level: .warning))
                .didRemove(recovered.writer)
            return done
        } catch {
            if done.events > 0 { throw Unfinished(outcome: done, problem: error.message) }
            throw Failure.ofWriting(
                error.isPermission ? Failure.noPermission : Failure.somethingWrong, error.message)
        }
    }

    private func order(_ request: ControlClient.Request, _ writer: EventLogWriter) -> MaintenanceJob.Order {
        switch request {
        case .prune(let before, let maxBytes): .prune(before: before, maxBytes: maxBytes)
        case .forgetUser(let name):
            .forget(users: writer.storedForms(of: name, isText: true), identities: [], text: name)
        case .rebuild: .rebuild
        case .forgetIdentity(let key):
            .forget(users: [], identities: writer.storedForms(of: key, isText: false), text: nil)
        }
    }

    /// A reader's open transaction keeps the WAL from being emptied.
    private func waitForReaders(_ writer: EventLogWriter) throws(LogError) {
        let readers = ReaderNotice(directory.source, writer: getpid())
        for _ in 0..<300 {
            usleep(100_000)
            try writer.checkpoint(truncating: true)
            if writer.isWALEmpty { return }
            readers.look()
        }
        throw LogError(
            operation: "clear the WAL of", path: writer.path, code: 5,
            detail:
                "\(readers.last ?? "another process") has a transaction open on the log, which keeps a copy of what was removed; "
                + "end it and repeat the command")
    }

    static func code(_ error: DirectoryError) -> Int32 { RecoverCommand.code(error) }

    /// A line on standard error while the user waits.
    private final class Progress {
        private var last = 0
        private var hasLine = false

        func show(_ outcome: MaintenanceJob.Outcome) {
            let now = time(nil)
            guard StandardError.isTerminal, now != last else { return }
            last = now
            hasLine = true
            let (events, segments) = (UInt64(clamping: outcome.events), UInt64(clamping: outcome.segments))
            StandardError.write(
                "\r\(Quantity.count(events, "event")) removed, \(Quantity.count(segments, "segment")) rebuilt ...")
        }

        func end() {
            if hasLine { StandardError.write("\r\u{1B}[K") }
        }
    }
}

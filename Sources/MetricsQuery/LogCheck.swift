import CMachine
import EventLog
import EventSearch

/// A check of the log that takes seconds, on its own thread with its own reader. It sees one snapshot of the log, not necessarily
/// the same as another check's.
final class LogCheck: @unchecked Sendable {
    private let source: DataSource
    private let check: @Sendable (EventLogReader) throws(LogError) -> [String]
    // SAFETY: written by the thread, and read only after joining it.
    private var outcome: Result<[String], LogError> = .success([])
    private var thread = pthread_t()
    private var isJoined = false

    init(_ source: DataSource, _ check: @escaping @Sendable (EventLogReader) throws(LogError) -> [String]) {
        self.source = source
        self.check = check
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<LogCheck>.fromOpaque(argument!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard code != 0 else { return }
        // If no thread can be created, run it here.
        isJoined = true
        run()
    }

    deinit { join() }

    private func run() {
        do throws(LogError) {
            outcome = .success(try check(EventLogReader(directory: source.directory)))
        } catch {
            outcome = .failure(error)
        }
    }

    private func join() {
        guard !isJoined else { return }
        isJoined = true
        pthread_join(thread, nil)
    }

    /// Waits for the check to finish.
    func problems() throws(LogError) -> [String] {
        join()
        return try outcome.get()
    }
}

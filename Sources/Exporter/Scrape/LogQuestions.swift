import EventLog
import MetricsModel
import MetricsQuery
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Readings

/// What only the log knows, queried on a separate thread and cached: counting identities in a large log can take longer than a
/// scrape may. Usable from any thread except an event loop's.
final class LogQuestions: Sendable {
    enum Answer: Sendable {
        case known(MetricsSnapshot)
        /// There is no log.
        case nothing
        case failed(DataSourceError)
    }

    private struct State {
        var answer: Answer?
        var askedNanoseconds: UInt64 = 0
        var question: EventLoopFuture<Answer>?
    }

    private let source: DataSource
    private let pool: NIOThreadPool
    private let loop: any EventLoop
    private let ageNanoseconds: UInt64
    private let state = NIOLockedValueBox(State())

    init(source: DataSource, pool: NIOThreadPool, loop: any EventLoop, age: TimeAmount) {
        self.source = source
        self.pool = pool
        self.loop = loop
        ageNanoseconds = UInt64(age.nanoseconds)
    }

    /// The last answer; starts a new query if it is old.
    /// - Parameter isNeeded: waits for the query if nothing is known yet; otherwise returns `.nothing` until the first answer has
    ///   come.
    func answer(isNeeded: Bool) -> Answer {
        let now = Clock.monotonicNanoseconds()
        let (known, question) = state.withLockedValue { state in
            let isOld: Bool
            switch state.answer {
            case nil: isOld = true
            case .known: isOld = now - state.askedNanoseconds > ageNanoseconds
            // Looking for a missing log costs nothing, and a failure may be over.
            case .nothing, .failed: isOld = now - state.askedNanoseconds > min(ageNanoseconds, 1_000_000_000)
            }
            if isOld, state.question == nil {
                state.askedNanoseconds = now
                state.question = ask()
            }
            return (state.answer, state.question)
        }
        if let known {
            // A log that was missing a moment ago may exist now.
            if case .known = known { return known }
            if !isNeeded { return known }
        }
        guard isNeeded, let question else { return known ?? .nothing }
        return (try? question.wait()) ?? known ?? .nothing
    }

    /// The server is alive: what the log said about the end of its predecessor no longer holds.
    func forget() {
        state.withLockedValue { state in
            if state.question == nil { state.answer = nil }
        }
    }

    private func ask() -> EventLoopFuture<Answer> {
        let source = source
        let question = pool.runIfActive(eventLoop: loop) { () -> Answer in
            do throws(DataSourceError) {
                guard let log = try source.log() else { return .nothing }
                return .known(try SnapshotReader.snapshot(of: log))
            } catch {
                return .failed(error)
            }
        }
        question.whenComplete { [self] result in
            state.withLockedValue { state in
                state.question = nil
                if case .success(let answer) = result { state.answer = answer }
            }
        }
        return question
    }
}

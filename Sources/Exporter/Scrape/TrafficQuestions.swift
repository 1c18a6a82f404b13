import EventLog
import MetricsQuery
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// What the status page shows from the log, queried on a thread that no scrape waits for, and cached. Usable from any thread.
final class TrafficQuestions: Sendable {
    /// What the page shows in addition to the counters.
    struct Answer: Sendable {
        /// Nil if there is no log, or if it cannot be read.
        var history: TrafficHistory?
        /// Why there is no history, in words.
        var obstacle: String?
        var problems: [Status.Problem] = []
    }

    private struct Kept {
        var answer: EventLoopFuture<Answer>
        var askedNanoseconds: UInt64
    }

    private let source: DataSource
    private let pool: NIOThreadPool
    private let loop: any EventLoop
    private let kept = NIOLockedValueBox<[TrafficHistory.Span: Kept]>([:])

    init(source: DataSource, pool: NIOThreadPool, loop: any EventLoop) {
        self.source = source
        self.pool = pool
        self.loop = loop
    }

    /// How long an answer is cached: a longer window costs more and changes less.
    private static func age(_ span: TrafficHistory.Span) -> UInt64 {
        switch span {
        case .hour: 1_000_000_000
        case .day: 10_000_000_000
        case .week, .month: 60_000_000_000
        }
    }

    func answer(_ span: TrafficHistory.Span) -> EventLoopFuture<Answer> {
        let now = Clock.monotonicNanoseconds()
        let answer = kept.withLockedValue { kept in
            if let known = kept[span], now - known.askedNanoseconds < Self.age(span) { return known.answer }
            let source = source
            let answer = pool.runIfActive(eventLoop: loop) { Self.ask(source, span) }
            kept[span] = Kept(answer: answer, askedNanoseconds: now)
            return answer
        }
        // A log that was missing a moment ago may exist now.
        answer.whenSuccess { [self] answer in
            guard answer.history == nil else { return }
            self.kept.withLockedValue { _ = $0.removeValue(forKey: span) }
        }
        return answer
    }

    private static func ask(_ source: DataSource, _ span: TrafficHistory.Span) -> Answer {
        var answer = Answer()
        let now = Int64(Clock.realtimeNanoseconds() / 1000)
        do throws(DataSourceError) {
            answer.problems = (try? Status.read(source).problems) ?? []
            if let log = try source.log() {
                do throws(LogError) {
                    answer.history = try TrafficHistory.read(log, of: source, span, now: now)
                } catch {
                    throw .log(error)
                }
            } else {
                answer.obstacle = "There is no event log yet."
            }
        } catch {
            // The cause names file-system paths; the exporter's log has it too.
            answer.obstacle = "The event log cannot be read: \(error.message)."
        }
        return answer
    }
}

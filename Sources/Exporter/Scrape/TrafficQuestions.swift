import EventLog
import MetricsQuery
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// What the status page shows of the log, asked on a thread that no scrape waits for, and kept for a while. Any thread.
final class TrafficQuestions: Sendable {
    /// What the page is made of, besides the counters.
    struct Answer: Sendable {
        /// Nil if there is no log, or if it cannot be read.
        var history: TrafficHistory?
        /// Why there is none, in words.
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

    /// A long window costs more, and changes less.
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
        // Where there was no log a moment ago there may be one now.
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
                    answer.history = try TrafficHistory.read(log, span, now: now)
                } catch {
                    throw .log(error)
                }
            } else {
                answer.obstacle = "There is no event log yet."
            }
        } catch {
            // The cause names paths of the system; the exporter's log has it too.
            answer.obstacle = "The event log cannot be read: \(error.message)."
        }
        return answer
    }
}

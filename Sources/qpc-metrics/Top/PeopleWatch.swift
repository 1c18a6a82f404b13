import EventLog
import EventSearch
import Glibc
import LiveView
import MetricsMemory
import MetricsModel
import MetricsQuery
import Readings
import Synchronization

/// Asks the log every few seconds who stands out and how large messages are, on a thread of its own, so that `top` never waits
/// for the log.
final class PeopleWatch: @unchecked Sendable {
    private let source: DataSource
    /// The names to show; nil for none. Only this object's thread uses them after `start`.
    private let names: GrowingNames?
    private let answer = Mutex<LivePeople?>(nil)

    /// How many of each are shown.
    private static let top = 5
    private static let secondsBetween: UInt64 = 5
    private static let windowMicroseconds: Int64 = 3_600_000_000

    init(_ source: DataSource, names: GrowingNames?) {
        self.source = source
        self.names = names
    }

    /// The latest answer; nil while there is none.
    var latest: LivePeople? { answer.withLock { $0 } }

    /// Starts asking. The thread ends with the process.
    func start() throws {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<PeopleWatch>.fromOpaque(argument!).takeUnretainedValue().ask()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else {
            throw Failure(Failure.somethingWrong, "cannot start a thread: \(String(cString: strerror(code)))")
        }
    }

    private func ask() {
        while true {
            let start = TickClock.monotonicNanoseconds()
            // What cannot be read now may be readable in a moment: a log that is being replaced, say.
            let people = try? Self.people(in: source, names)
            answer.withLock { $0 = people }
            // An answer that takes long must not keep a disk or a CPU busy.
            let took = TickClock.monotonicNanoseconds() - start
            usleep(UInt32(clamping: max(Self.secondsBetween * 1_000_000, took / 1000 * 10)))
        }
    }

    /// Nil if there is no log.
    static func people(in source: DataSource, _ names: GrowingNames?) throws -> LivePeople? {
        guard let log = try querying({ () throws(DataSourceError) in try source.log() }) else { return nil }
        let known = try names?.names(log).names
        var people = LivePeople()
        people.failing = try first(.user, of: .user, known, log) { $0.failedOnly = true }
        people.busiest = try first(.identity, of: .identity, known, log) { _ in }
        people.percentiles = try percentiles(log)
        return people
    }

    private static func percentiles(_ log: EventLogReader) throws -> LivePercentiles {
        let now = Environment.nowMicroseconds
        let query = StatsQuery(since: now - windowMicroseconds, until: now, unit: .hour, top: 0, now: now, zone: .local)
        let stats = try queryingLog { () throws(LogError) in try query.ask(log) }
        return LivePercentiles(sizes: stats.sizes, waits: stats.waits)
    }

    private static func first(
        _ field: CountField, of kind: NameKind, _ names: PeopleNames?, _ log: EventLogReader,
        _ change: (inout EventFilter) -> Void
    ) throws -> [LivePeople.Person] {
        let now = Environment.nowMicroseconds
        var question = CountQuestion()
        question.fields = [field]
        // One more for events without a name.
        question.top = top + 1
        var filter = EventFilter()
        filter.sinceMicroseconds = now - windowMicroseconds
        change(&filter)
        let answer: CountAnswer
        do {
            answer = try log.counting(question, filter, now: now, zone: .local)
        } catch {
            switch error {
            case .log(let error): throw Failure(DataSourceError.log(error))
            case .tooManyGroups, .tooManyNames: return []
            }
        }
        let people = (0..<answer.count).compactMap { index -> LivePeople.Person? in
            let row = answer.row(index)
            guard case .name(let shown)? = row.keys.first, case .number(let events)? = row.values.first else { return nil }
            return LivePeople.Person(shown: shown, name: names?.name(of: shown, kind), events: events)
        }
        return Array(people.prefix(top))
    }
}

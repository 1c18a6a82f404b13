import EventLog
import MetricsModel
import Readings

extension EventLogReader {
    /// Recipients with messages not yet fetched: how many messages, and since when, as of the last commit.
    ///
    /// - Parameter question: by recipient, or by nothing.
    /// - Parameter filter: if it has a recipient, only that one is reported.
    public func countingWaiting(_ question: CountQuestion, _ filter: EventFilter) throws(CountError) -> CountAnswer {
        do throws(LogError) {
            let names = try FilterTerms.ids(of: filter.recipient, in: .identity, plainIsText: false, database).map { Set($0) }
            var groups = CountGroups(question)
            for waiting in try waiting() where names?.contains(waiting.name) ?? true {
                guard let group = groups.index(question.fields.isEmpty ? 0 : waiting.name, 0) else { continue }
                groups.add(Int64(clamping: waiting.messages), to: group)
                groups.note(time: waiting.sinceMicroseconds, of: group)
            }
            return try CountRanking(question, groups, DistinctPairs(), database).answer()
        } catch {
            throw .log(error)
        }
    }
}

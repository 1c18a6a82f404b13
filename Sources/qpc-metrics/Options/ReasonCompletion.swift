import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Readings

/// Words to complete `--reason` with: those of the reasons that the log holds.
enum ReasonCompletion {
    /// More would not help to choose.
    private static let limit = 40

    /// - Parameter typed: the words of the command line.
    static func words(_ typed: [String]) -> [String] {
        let option = typed.firstIndex(of: "--dir")
        let given = option.flatMap { $0 + 1 < typed.count ? typed[$0 + 1] : nil }
        var question = CountQuestion()
        question.fields = [.reason]
        question.top = limit
        var filter = EventFilter()
        filter.failedOnly = true
        // Where nothing can be read, nothing is offered.
        guard let log = try? DataSource(directory: DirectoryOptions.path(given: given)).log(),
            let answer = try? log.counting(question, filter, now: Environment.nowMicroseconds, zone: .local)
        else { return [] }
        var words: [String] = []
        for index in 0..<answer.count {
            guard case .name(let reason)? = answer.row(index).keys.first else { continue }
            let text = String(decoding: reason, as: UTF8.self).lowercased()
            // Letters alone: whatever else a reason holds could mean something to a shell.
            for word in text.split(whereSeparator: { !($0.isASCII && $0.isLetter) }).map(String.init)
            where word.utf8.count >= 3 && !words.contains(word) && words.count < limit { words.append(word) }
        }
        return words
    }
}

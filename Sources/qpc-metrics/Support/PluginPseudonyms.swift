import EventDrain
import MetricsQuery
import Pseudonyms
import Synchronization

/// Asks a running plugin for pseudonyms of the epoch under way, whose key only its memory has where keys are sealed to an
/// operator's. Remembers the answers; any thread.
final class PluginPseudonyms: Sendable {
    private let directory: String
    private let answers = Mutex<[[UInt8]: [UInt8]?]>([:])

    private init(_ directory: String) { self.directory = directory }

    /// - Returns: nil for bytes whose pseudonym the plugin does not tell: none runs, this user may not ask it, or it is busy.
    static func asking(_ directory: String) -> TermResolver.Asking {
        let plugin = PluginPseudonyms(directory)
        return { plugin.pseudonym(of: $0) }
    }

    private func pseudonym(of bytes: [UInt8]) -> [UInt8]? {
        answers.withLock { answers in
            if let known = answers[bytes] { return known }
            let answer = (try? ControlClient.pseudonym(of: bytes, directory: directory)).flatMap { Hexadecimal.decode($0) }
            answers[bytes] = .some(answer)
            return answer
        }
    }
}

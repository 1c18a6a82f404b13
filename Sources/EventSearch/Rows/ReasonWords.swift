/// The words to search reasons for: each must be a word of the reason or the beginning of one, in any order, ignoring case.
///
/// A word is a run of letters and digits. `RateLimited`, `rate_limited` and "rate limited" are the same two words.
public struct ReasonWords: Sendable {
    private let runs: [Run]

    /// A run of letters and digits, and the words within it if capitals start new ones.
    private struct Run: Sendable {
        var whole: String
        var parts: [String]
    }

    public init(_ text: String) { runs = Self.runs(of: text) }

    /// Whether there is no word to look for; nothing matches then.
    public var isEmpty: Bool { runs.isEmpty }

    public func match(_ reason: String) -> Bool {
        guard !isEmpty else { return false }
        let words = Self.runs(of: reason).flatMap { [$0.whole] + $0.parts }
        func has(_ beginning: String) -> Bool { words.contains { $0.hasPrefix(beginning) } }
        return runs.allSatisfy { run in has(run.whole) || run.parts.count > 1 && run.parts.allSatisfy(has) }
    }

    private static func runs(of text: String) -> [Run] {
        text.split { !($0.isLetter || $0.isNumber) }.map { run in
            var parts: [String] = []
            var part = ""
            var previousIsSmall = false
            for letter in run {
                if letter.isUppercase && previousIsSmall {
                    parts.append(part.lowercased())
                    part = ""
                }
                part.append(letter)
                previousIsSmall = letter.isLowercase
            }
            parts.append(part.lowercased())
            return Run(whole: run.lowercased(), parts: parts)
        }
    }
}

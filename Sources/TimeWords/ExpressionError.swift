/// Why a text is not a time, duration or size. Quotes the text as the user typed it: the caller makes it safe for a terminal.
public struct ExpressionError: Error, Equatable, CustomStringConvertible {
    public enum Subject: Sendable {
        case time
        case duration
        case size

        /// The accepted forms.
        var forms: String {
            switch self {
            case .time:
                "a time like 2026-11-22, \"2026-11-22 14:00\", 2026-11-22T14:00:05Z, -2h, \"3 days ago\", "
                    + "yesterday, today, now or @1763820000"
            case .duration: "a duration like 250ms, 15s, 90m, 1h30m, 30d or \"2 weeks\""
            case .size: "a size like 65536, 512MiB, 4GiB or 1G"
            }
        }
    }

    public var subject: Subject
    /// What is wrong with it, in a few words.
    public var detail: String

    public init(_ subject: Subject, detail: String) {
        self.subject = subject
        self.detail = detail
    }

    public var description: String { "\(detail); expected \(subject.forms)" }

    /// In quotes, and truncated to a useful length.
    static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(60)
        return "\"\(String(shown))\(shown.endIndex == text.unicodeScalars.endIndex ? "" : "…")\""
    }
}

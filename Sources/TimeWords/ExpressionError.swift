/// What a user typed, and why it is no time, duration or size; its description is one line for the
/// user.
public struct ExpressionError: Error, Equatable, CustomStringConvertible {
    public enum Subject: Sendable {
        case time
        case duration
        case size

        var name: String {
            switch self {
            case .time: "time"
            case .duration: "duration"
            case .size: "size"
            }
        }

        /// Forms that would do.
        var forms: String {
            switch self {
            case .time:
                "give one like 2026-11-22, \"2026-11-22 14:00\", 2026-11-22T14:00:05Z, -2h, \"3 days ago\", "
                    + "yesterday, today, now or @1763820000"
            case .duration: "give one like 250ms, 15s, 90m, 1h30m, 30d or \"2 weeks\""
            case .size: "give one like 65536, 512MiB, 4GiB or 1G"
            }
        }
    }

    public var subject: Subject
    /// As the user typed it.
    public var given: String
    /// What is wrong with it, in a few words.
    public var detail: String

    public init(_ subject: Subject, given: String, detail: String) {
        self.subject = subject
        self.given = given
        self.detail = detail
    }

    public var description: String {
        "\(ExpressionError.quoted(given)) is not a \(subject.name): \(detail); \(subject.forms)"
    }

    /// In quotes, on one line, safe for a terminal, and no longer than is useful.
    static func quoted(_ text: String) -> String {
        var result = "\""
        var length = 0
        for scalar in text.unicodeScalars {
            if length == 60 {
                result += "…"
                break
            }
            if UnsafeScalars.contains(scalar.value) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
            length += 1
        }
        return result + "\""
    }
}

import EventLog
import MetricsModel

/// The classes of the reasons in a log, of which there are few.
struct ReasonClasses {
    private var classes: [Int64: FailureClass] = [:]

    init(_ database: Database) throws(LogError) {
        let reasons = try database.prepare("SELECT id, value FROM \(NameKind.reason.table)")
        while try reasons.step() { classes[reasons.integer(0)] = FailureClass(loggedReason: reasons.bytes(1)) }
    }

    /// - Parameter reason: its number; 0 for none.
    func of(_ reason: Int64) -> FailureClass { classes[reason] ?? FailureClass(loggedReason: []) }
}

extension FailureClass {
    /// What replaces a user's name in a reason.
    private static let placeholder = Array("[user]".utf8)

    /// The class of a reason as the log has it: the same class that the hook found. The hook saw the user's name where the log
    /// has `[user]`, and the word `user` itself would affect the class.
    public init(loggedReason reason: [UInt8]) {
        var text = reason
        if let last = text.indices.last {
            var start = 0
            while start + Self.placeholder.count <= last + 1 {
                if text[start..<start + Self.placeholder.count].elementsEqual(Self.placeholder) {
                    for index in start..<start + Self.placeholder.count { text[index] = 0x20 }
                }
                start += 1
            }
        }
        self = text.withUnsafeBytes { FailureClass(reason: $0) }
    }
}

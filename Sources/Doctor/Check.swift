/// One thing that was checked, what was found, and how to fix it.
public struct Check: Sendable, Equatable {
    public enum Result: String, CaseIterable, Sendable {
        case ok
        /// It works, but not as it should, or it could not be checked.
        case warning
        case failure
    }

    /// What was checked, in a word or two.
    public var name: String
    public var result: Result
    /// One line. May contain text from a file or another program: whoever prints it must escape it.
    public var found: String
    /// The command or setting that fixes it; nil if there is nothing to fix.
    public var remedy: String?

    public static func ok(_ name: String, _ found: String) -> Check {
        Check(name: name, result: .ok, found: found, remedy: nil)
    }

    public static func warning(_ name: String, _ found: String, fix remedy: String) -> Check {
        Check(name: name, result: .warning, found: found, remedy: remedy)
    }

    public static func failure(_ name: String, _ found: String, fix remedy: String) -> Check {
        Check(name: name, result: .failure, found: found, remedy: remedy)
    }

    /// What could not be checked is never ok.
    public static func notChecked(_ name: String, _ reason: String, fix remedy: String) -> Check {
        .warning(name, "not checked: " + reason, fix: remedy)
    }
}

/// One thing that was looked at, what was found, and what mends it.
public struct Check: Sendable, Equatable {
    public enum Result: String, CaseIterable, Sendable {
        case ok
        /// It works, but not as it should, or it could not be looked at.
        case warning
        case failure
    }

    /// What was looked at, in a word or two.
    public var name: String
    public var result: Result
    /// One line. May hold what a file or another program said: whoever prints it escapes it.
    public var found: String
    /// The command or setting that mends it; nil if nothing is to be mended.
    public var remedy: String?

    public static func ok(_ name: String, _ found: String) -> Check {
        Check(name: name, result: .ok, found: found, remedy: nil)
    }

    public static func warning(_ name: String, _ found: String, mend remedy: String) -> Check {
        Check(name: name, result: .warning, found: found, remedy: remedy)
    }

    public static func failure(_ name: String, _ found: String, mend remedy: String) -> Check {
        Check(name: name, result: .failure, found: found, remedy: remedy)
    }

    /// What could not be looked at is never ok.
    public static func notChecked(_ name: String, _ reason: String, mend remedy: String) -> Check {
        .warning(name, "not checked: " + reason, mend: remedy)
    }
}

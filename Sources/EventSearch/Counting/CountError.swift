import EventLog

/// Why events could not be counted.
public enum CountError: Error {
    case log(LogError)
    /// More groups than memory is kept for.
    case tooManyGroups(limit: Int)
    /// More pairs of a group and a name than memory is kept for.
    case tooManyNames(limit: Int)
}

import EventLog

/// Why events could not be counted.
public enum CountError: Error {
    case log(LogError)
    /// More groups than memory is allotted for.
    case tooManyGroups(limit: Int)
    /// More distinct names, over all groups, than memory is allotted for.
    case tooManyNames(limit: Int)
}

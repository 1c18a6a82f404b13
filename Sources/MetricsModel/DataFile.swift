/// The plugin's files in a data directory.
public enum DataFile: CaseIterable, Sendable {
    case log
    case wal
    case walIndex
    case live
    /// Where the live file is, if it is not in the directory.
    case livePath
    case keys
    case control

    public var name: String {
        switch self {
        case .log: "events.db"
        case .wal: "events.db-wal"
        case .walIndex: "events.db-shm"
        case .live: "live.qpcm"
        case .livePath: "live.path"
        case .keys: "identity.key"
        case .control: "control.sock"
        }
    }

    public func path(in directory: String) -> String { directory + "/" + name }
}

/// Why a file was quarantined. A quarantined file keeps its name, followed by the mark and the time.
public enum Quarantine: CaseIterable, Sendable {
    case damaged
    /// The WAL of a log that was deleted or replaced under a running server: its last events.
    case left

    public var mark: String {
        switch self {
        case .damaged: ".damaged-"
        case .left: ".left-"
        }
    }
}

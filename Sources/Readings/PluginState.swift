/// Whether a data directory's plugin is running, and if not, how it ended.
public enum PluginState: Sendable, Equatable {
    case up(pid: Int32)
    /// It holds its directory, but has no heartbeat.
    case stuck(pid: Int32)
    /// It was shut down, or it died and its events have been recovered.
    case stopped
    /// It was killed, or its machine went down; its events have not been recovered.
    case died
    /// There is no live file.
    case neverRan

    public var name: String {
        switch self {
        case .up: "up"
        case .stuck: "stuck"
        case .stopped: "stopped"
        case .died: "died"
        case .neverRan: "never ran"
        }
    }

    /// The server's process; nil if none is running.
    public var pid: Int32? {
        switch self {
        case .up(let pid), .stuck(let pid): pid
        case .stopped, .died, .neverRan: nil
        }
    }

    public var isUp: Bool { if case .up = self { true } else { false } }
}

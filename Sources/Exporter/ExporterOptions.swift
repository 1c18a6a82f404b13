/// What an exporter is told at its start.
public struct ExporterOptions: Sendable {
    /// The data directory, as an absolute path.
    public var directory: String
    public var listenAddresses: [ListenAddress] = [.standard]
    public var telemetryPath = "/metrics"
    /// The file of TLS, passwords and headers; nil for none of these.
    public var webConfigPath: String?
    /// Takes the sockets that systemd hands over instead of opening its own.
    public var usesSystemdSockets = false
    /// Ready, and so healthy to whoever watches, even before the data directory is there.
    public var waitsForDirectory = false
    public var limits = ExporterLimits()

    public init(directory: String) { self.directory = directory }
}

/// Why an exporter cannot start; one line for people.
public enum ExporterError: Error {
    /// A flag's value is not understood.
    case badFlag(String)
    /// The web configuration is not understood, or names files that do not do.
    case badWebConfig(String)
    case noWebConfig(String)
    case noPermission(String)
    case cannotListen(String)

    public var message: String {
        switch self {
        case .badFlag(let text), .badWebConfig(let text), .noWebConfig(let text), .noPermission(let text),
            .cannotListen(let text):
            return text
        }
    }
}

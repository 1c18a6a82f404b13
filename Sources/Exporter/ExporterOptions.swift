/// The options that an exporter starts with.
public struct ExporterOptions: Sendable {
    /// The data directory, as an absolute path.
    public var directory: String
    public var listenAddresses: [ListenAddress] = [.standard]
    public var telemetryPath = "/metrics"
    /// The web configuration file (TLS, passwords, headers); nil for none.
    public var webConfigPath: String?
    /// Uses the sockets that systemd passes instead of opening its own.
    public var usesSystemdSockets = false
    /// Reports ready, and so looks healthy to monitoring, even before the data directory exists.
    public var waitsForDirectory = false
    public var limits = ExporterLimits()

    public init(directory: String) { self.directory = directory }
}

/// Why an exporter cannot start, in one human-readable line.
public enum ExporterError: Error {
    /// A flag has an invalid value.
    case badFlag(String)
    /// The web configuration is invalid, or names files that cannot be used.
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

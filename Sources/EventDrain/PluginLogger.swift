import CMachine

/// How much is logged to standard error.
public enum LogLevel: Int, CaseIterable, Sendable {
    case error = 0
    case warning
    case info
    case debug

    public var name: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .info: "info"
        case .debug: "debug"
        }
    }
}

/// Writes each message as one line to standard error; never an identity.
public struct PluginLogger: Sendable {
    /// Nil to log nothing at all.
    private let level: LogLevel?

    public init(level: LogLevel?) { self.level = level }

    public func error(_ text: String) { write(.error, text) }
    public func warning(_ text: String) { write(.warning, text) }
    public func info(_ text: String) { write(.info, text) }
    public func debug(_ text: String) { write(.debug, text) }

    private func write(_ level: LogLevel, _ text: String) {
        guard let limit = self.level, level.rawValue <= limit.rawValue else { return }
        let line = Array("qpc-metrics: \(level.name): \(text)\n".utf8)
        line.withUnsafeBytes { _ = CMachine.write(2, $0.baseAddress, $0.count) }
    }
}

import Glibc
import Terminal

/// The exporter's log on standard error, one line per message, in the two formats of Prometheus' own programs. Usable from any
/// thread.
public struct ExporterLog: Sendable {
    public enum Level: String, CaseIterable, Sendable, Comparable {
        case debug
        case info
        case warn
        case error

        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warn: 2
            case .error: 3
            }
        }
    }

    public enum Format: String, CaseIterable, Sendable {
        case logfmt
        case json
    }

    private let level: Level
    private let format: Format
    private let descriptor: Int32

    public init(level: Level = .info, format: Format = .logfmt, descriptor: Int32 = 2) {
        self.level = level
        self.format = format
        self.descriptor = descriptor
    }

    /// Values are built only if the line is written.
    public func callAsFunction(
        _ level: Level, _ message: @autoclosure () -> String,
        _ values: @autoclosure () -> [(name: String, value: String)] = []
    ) {
        guard level >= self.level else { return }
        let all =
            [("time", Clock.timestamp()), ("level", level.rawValue.uppercased()), ("msg", message())] + values()
        var line = ""
        for (index, (name, value)) in all.enumerated() {
            switch format {
            case .logfmt: line += (index == 0 ? "" : " ") + name + "=" + Self.logfmt(value)
            case .json: line += (index == 0 ? "{" : ",") + JSON.quoted(name) + ":" + JSON.quoted(value)
            }
        }
        line += format == .json ? "}\n" : "\n"
        let bytes = Array(line.utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    private static func logfmt(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C }
        return isPlain ? value : JSON.quoted(value)
    }
}

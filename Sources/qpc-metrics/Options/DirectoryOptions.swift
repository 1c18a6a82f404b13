import ArgumentParser
import MetricsQuery

/// Where the data directory is.
struct DirectoryOptions: ParsableArguments {
    static let variable = "QPC_METRICS_PLUGIN_DIR"
    static let standard = "qpc-metrics-data"

    @Option(
        name: .customLong("dir"),
        help: ArgumentHelp(
            "The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).", valueName: "path"),
        completion: .directory)
    var given: String?

    var path: String { Self.path(given: given) }

    static func path(given: String?) -> String {
        if let given { return given }
        if let variable = Environment.value(variable), !variable.isEmpty { return variable }
        return standard
    }

    var source: DataSource { DataSource(directory: path) }
}

import Foundation

/// Where the programs under test are.
public enum BuiltProducts {
    /// `libMetricsPlugin.so` and `qpc-metrics`: `QPC_TEST_PRODUCTS`, or what the release build made.
    public static let directory = setting("QPC_TEST_PRODUCTS") ?? packageRoot + "/.build/release"
    /// The built hosts of `Tests/Hosts`: `QPC_TEST_HOSTS`, or where `scripts/test` puts them.
    public static let hosts = setting("QPC_TEST_HOSTS") ?? packageRoot + "/.build/hosts"

    public static func host(_ name: String) -> String { hosts + "/" + name }

    public static var plugin: String { directory + "/libMetricsPlugin.so" }
    public static var commandLine: String { directory + "/qpc-metrics" }

    public static let packageRoot: String = {
        var path = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { path.deleteLastPathComponent() }
        return path.path
    }()

    /// A Python that has `prometheus_client`: `QPC_TEST_PYTHON`, or the one that `scripts/setup test` makes.
    public static let python = setting("QPC_TEST_PYTHON") ?? packageRoot + "/.build/python/bin/python"

    /// Whether the programs under test run under a sanitizer, and so many times slower.
    public static let areSanitized = setting("QPC_SANITIZE") != nil

    public static func setting(_ name: String) -> String? {
        guard let value = startEnvironment[name], !value.isEmpty else { return nil }
        return value
    }

    /// Taken once: other tests change this process's environment, and reading it at the same time is not safe.
    static let startEnvironment = ProcessInfo.processInfo.environment
}

/// Says why something is not tested, so that nothing is skipped silently.
public func skip(_ what: String, because reason: String) {
    FileHandle.standardError.write(Data("skipped: \(what): \(reason)\n".utf8))
}

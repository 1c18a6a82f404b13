import EventDrain
import MetricsModel
import Pseudonyms

/// The configuration from the environment, read once at init.
struct Configuration {
    var settings = Settings()
    var directory = "qpc-metrics-data"
    /// Nil: the live file is in the data directory.
    var liveDirectory: String?
    /// Keys of pseudonyms are on the disk only sealed to it; nil: as they are.
    var operatorKey: OperatorKey?
    var logLevel = LogLevel.info

    /// - Throws: `ConfigurationError`, naming the variable, its value and what is accepted.
    static func fromEnvironment() throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        for variable in variables {
            guard let value = EnvironmentValue(variable.name) else { continue }
            guard variable.set(value, &configuration) else { throw value.error(expected: variable.expected) }
        }
        configuration.settings.sealsKeys = configuration.operatorKey != nil
        // Whoever keeps no row names nobody, and needs no key.
        if !configuration.settings.keepsRows { configuration.settings.identities = .none }
        return configuration
    }

    /// One line for each variable that looks like a setting but is not one, with the nearest real one.
    static func misspelt() -> [String] {
        let known = variables.map { Array($0.name.utf8) }
        return EnvironmentValue.names(beginningWith: prefix).filter { name in !known.contains { $0 == name } }.map { name in
            let shown = String(decoding: name.prefix(64).map { $0 < 0x20 || $0 > 0x7E ? 0x3F : $0 }, as: UTF8.self)
            let nearest = known.min { distance($0, name) < distance($1, name) }
            guard let nearest, distance(nearest, name) <= 3 else { return "\(shown) is not a setting; it is ignored" }
            return "\(shown) is not a setting; it is ignored: did you mean \(String(decoding: nearest, as: UTF8.self))?"
        }
    }

    /// One line for each setting that another one makes ineffective.
    static func contradictions(_ settings: Settings) -> [String] {
        var lines: [String] = []
        func isSet(_ name: String) -> Bool { EnvironmentValue(prefix + name) != nil }
        guard settings.keepsRows else {
            for name in ["IDENTITIES", "PAIRS", "KEY_ROTATION"] where isSet(name) {
                lines.append("\(prefix)\(name) has no effect with \(prefix)LOG=off, which records nobody")
            }
            return lines
        }
        if settings.identities != .pseudonym, settings.keyRotationNanoseconds != nil, isSet("KEY_ROTATION") {
            lines.append(
                "QPC_METRICS_PLUGIN_KEY_ROTATION has no effect with QPC_METRICS_PLUGIN_IDENTITIES=\(settings.identities.name), "
                    + "which uses no key")
        }
        if settings.identities != .pseudonym, settings.sealsKeys {
            lines.append(
                "QPC_METRICS_PLUGIN_OPERATOR_KEY only seals the keys of older events with "
                    + "QPC_METRICS_PLUGIN_IDENTITIES=\(settings.identities.name), which uses no key")
        }
        if settings.identities == .none, settings.pairs, isSet("PAIRS") {
            lines.append(
                "QPC_METRICS_PLUGIN_PAIRS=on has no effect with QPC_METRICS_PLUGIN_IDENTITIES=none, which records nobody")
        }
        if let age = settings.retentionNanoseconds, settings.flushIntervalNanoseconds > age {
            lines.append(
                "QPC_METRICS_PLUGIN_RETENTION is shorter than QPC_METRICS_PLUGIN_FLUSH_INTERVAL: "
                    + "events are removed as soon as they are in the log")
        }
        return lines
    }

    /// The settings in effect, as one would set them.
    var words: String {
        var text = "DIR=\(directory)"
        if let liveDirectory { text += " LIVE_DIR=\(liveDirectory)" }
        if let operatorKey { text += " OPERATOR_KEY=\(operatorKey.text)" }
        for (name, value) in settings.words { text += " \(name)=\(value)" }
        return text + " SYNC_INTERVAL=\(Settings.time(settings.syncIntervalNanoseconds))"
            + " LOG_LEVEL=\(logLevel.name)"
    }

    static let prefix = "QPC_METRICS_PLUGIN_"

    /// How many letters have to be changed, added or removed (Levenshtein).
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var row = Array(0...second.count)
        for (index, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in second.enumerated() {
                let change = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }

    /// One environment variable, and how its value gets into the configuration.
    private struct Variable {
        var name: String
        var expected: String
        /// False for a value that is not accepted.
        var set: (EnvironmentValue, inout Configuration) -> Bool

        init(_ suffix: String, _ expected: String, set: @escaping (EnvironmentValue, inout Configuration) -> Bool) {
            name = Configuration.prefix + suffix
            self.expected = expected
            self.set = set
        }
    }

    private static var variables: [Variable] {
        [
            Variable("DIR", "a path") { assign(&$1.directory, $0.path) },
            Variable("LIVE_DIR", "a path") { assign(&$1.liveDirectory, $0.path) },
            Variable("IDENTITIES", "pseudonym, plain or none") {
                assign(&$1.settings.identities, $0.named(IdentityMode.allCases) { $0.name })
            },
            Variable("LOG", "on or off") { assign(&$1.settings.keepsRows, $0.isOn) },
            Variable("PAIRS", "on or off") { assign(&$1.settings.pairs, $0.isOn) },
            Variable("KEY_ROTATION", "off, or an age such as 30d, 12h or 90m") {
                assign(&$1.settings.keyRotationNanoseconds, $0.offOr($0.nanoseconds(in: 1...UInt64.max)))
            },
            Variable("OPERATOR_KEY", "a public key, qpc-operator-..., or a file of it, as qpc-metrics keygen makes them") {
                assign(&$1.operatorKey, $0.operatorKey.map { .some($0) })
            },
            Variable("RETENTION", "off, or an age such as 30d, 12h or 90m") {
                assign(&$1.settings.retentionNanoseconds, $0.offOr($0.nanoseconds(in: 1...UInt64.max)))
            },
            Variable("MAX_SIZE", "off, or a size of 1MiB or more such as 4GiB or 512MiB") {
                assign(&$1.settings.maxLogBytes, $0.offOr($0.bytes(in: 1 << 20...UInt64.max)))
            },
            Variable("RING_SIZE", "a power of two from 64KiB to 1GiB, such as 8MiB") {
                assign(&$1.settings.ringBytes, $0.ringBytes)
            },
            Variable("FLUSH_INTERVAL", "a time from 1ms to 1h, such as 250ms") {
                assign(&$1.settings.flushIntervalNanoseconds, $0.nanoseconds(in: 1_000_000...Settings.longestInterval))
            },
            Variable("SYNC_INTERVAL", "0 to sync each commit, or a time up to 1h such as 1s") {
                assign(
                    &$1.settings.syncIntervalNanoseconds,
                    $0.equals("0") ? 0 : $0.nanoseconds(in: 0...Settings.longestInterval))
            },
            Variable("MESSAGE_HOOK", "on or off") { assign(&$1.settings.messageHook, $0.isOn) },
            Variable("LOG_LEVEL", "error, warning, info or debug") {
                assign(&$1.logLevel, $0.named(LogLevel.allCases) { $0.name })
            },
        ]
    }

    /// False, and nothing assigned, if there is no value.
    private static func assign<Value>(_ field: inout Value, _ value: Value?) -> Bool {
        guard let value else { return false }
        field = value
        return true
    }
}

struct ConfigurationError: Error {
    var message: String
}

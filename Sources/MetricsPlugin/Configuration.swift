import CMachine
import EventDrain
import MetricsModel

/// The plugin's settings, from the environment, read once at init.
struct Configuration {
    var directory = "qpc-metrics-data"
    var identities = IdentityMode.pseudonym
    var pairs = true
    /// Nanoseconds; nil: one key for ever.
    var keyRotation: UInt64? = 30 * 86_400 * 1_000_000_000
    /// Nanoseconds; nil keeps all.
    var retention: UInt64? = 30 * 86_400 * 1_000_000_000
    /// Bytes; nil for no cap.
    var maxSize: UInt64? = 4 << 30
    var ringBytes: UInt64 = 8 << 20
    var flushInterval: UInt64 = 250_000_000
    var syncInterval: UInt64 = 1_000_000_000
    var messageHook = true
    var logLevel = LogLevel.info

    static let ringBytesAccepted: ClosedRange<UInt64> = 64 << 10...1 << 30

    /// - Throws: `ConfigurationError`, naming the variable, its value and what is accepted.
    static func fromEnvironment() throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        if let directory = Setting("DIR") {
            guard !directory.bytes.isEmpty else { throw directory.error("a path") }
            configuration.directory = directory.text
        }
        if let setting = Setting("IDENTITIES") {
            if setting.equals("pseudonym") {
                configuration.identities = .pseudonym
            } else if setting.equals("plain") {
                configuration.identities = .plain
            } else if setting.equals("none") {
                configuration.identities = .none
            } else {
                throw setting.error("pseudonym, plain or none")
            }
        }
        if let setting = Setting("PAIRS") {
            guard setting.equals("on") || setting.equals("off") else { throw setting.error("on or off") }
            configuration.pairs = setting.equals("on")
        }
        if let setting = Setting("KEY_ROTATION") {
            configuration.keyRotation = setting.equals("off") ? nil : setting.nanoseconds
            guard setting.equals("off") || (setting.nanoseconds ?? 0) > 0 else {
                throw setting.error("off, or an age such as 30d, 12h or 90m")
            }
        }
        if let setting = Setting("RETENTION") {
            configuration.retention = setting.equals("off") ? nil : setting.nanoseconds
            guard setting.equals("off") || (setting.nanoseconds ?? 0) > 0 else {
                throw setting.error("off, or an age such as 30d, 12h or 90m")
            }
        }
        if let setting = Setting("MAX_SIZE") {
            configuration.maxSize = setting.equals("off") ? nil : setting.sizeInBytes
            guard setting.equals("off") || (setting.sizeInBytes ?? 0) >= 1 << 20 else {
                throw setting.error("off, or a size of 1MiB or more such as 4GiB or 512MiB")
            }
        }
        if let setting = Setting("RING_SIZE") {
            guard let size = setting.sizeInBytes, ringBytesAccepted.contains(size), size & (size - 1) == 0 else {
                throw setting.error("a power of two from 64KiB to 1GiB, such as 8MiB")
            }
            configuration.ringBytes = size
        }
        if let setting = Setting("FLUSH_INTERVAL") {
            guard let interval = setting.nanoseconds, interval >= 1_000_000, interval <= 3_600_000_000_000 else {
                throw setting.error("a time from 1ms to 1h, such as 250ms")
            }
            configuration.flushInterval = interval
        }
        if let setting = Setting("SYNC_INTERVAL") {
            guard let interval = setting.equals("0") ? 0 : setting.nanoseconds, interval <= 3_600_000_000_000 else {
                throw setting.error("0 to sync each commit, or a time up to 1h such as 1s")
            }
            configuration.syncInterval = interval
        }
        if let setting = Setting("MESSAGE_HOOK") {
            guard setting.equals("on") || setting.equals("off") else { throw setting.error("on or off") }
            configuration.messageHook = setting.equals("on")
        }
        if let setting = Setting("LOG_LEVEL") {
            if setting.equals("error") {
                configuration.logLevel = .error
            } else if setting.equals("warning") {
                configuration.logLevel = .warning
            } else if setting.equals("info") {
                configuration.logLevel = .info
            } else if setting.equals("debug") {
                configuration.logLevel = .debug
            } else {
                throw setting.error("error, warning, info or debug")
            }
        }
        return configuration
    }
}

struct ConfigurationError: Error {
    var message: String
}

/// One environment variable's value. Compared and parsed as bytes: Unicode's tables have no place in the server.
struct Setting {
    private let name: String
    let bytes: [UInt8]

    /// Nil if the variable is not set.
    init?(_ suffix: String) {
        name = "QPC_METRICS_PLUGIN_" + suffix
        guard let value = getenv(name) else { return nil }
        let start = UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self)
        bytes = [UInt8](UnsafeBufferPointer(start: start, count: strlen(value)))
    }

    /// As a path: the very bytes, as far as they are text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func equals(_ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        for index in bytes.indices where bytes[index] != word.utf8Start[index] { return false }
        return true
    }

    func error(_ accepted: String) -> ConfigurationError {
        // The value is shown as it can be read on a terminal, whatever it holds.
        let shown = String(decoding: bytes.prefix(64).map { $0 < 0x20 || $0 > 0x7E ? 0x3F : $0 }, as: UTF8.self)
        return ConfigurationError(message: "\(name)=\(shown) is not understood; accepted is \(accepted)")
    }

    /// The number at the start, and how many digits it has; nil for none or too many.
    private var number: (value: UInt64, digits: Int)? {
        var value: UInt64 = 0
        var digits = 0
        while digits < bytes.count, bytes[digits] >= 0x30, bytes[digits] <= 0x39 {
            guard digits < 15 else { return nil }
            value = value * 10 + UInt64(bytes[digits] - 0x30)
            digits += 1
        }
        return digits == 0 ? nil : (value, digits)
    }

    private func unit(after digits: Int, is word: StaticString) -> Bool {
        guard bytes.count - digits == word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where bytes[digits + index] != word.utf8Start[index] { return false }
        return true
    }

    private func scaled(_ number: (value: UInt64, digits: Int), by factor: UInt64) -> UInt64? {
        let (product, overflow) = number.value.multipliedReportingOverflow(by: factor)
        return overflow || product > UInt64(Int64.max) ? nil : product
    }

    /// A time with its unit: ms, s, m, h, d or w.
    var nanoseconds: UInt64? {
        guard let number else { return nil }
        let second: UInt64 = 1_000_000_000
        if unit(after: number.digits, is: "ms") { return scaled(number, by: 1_000_000) }
        if unit(after: number.digits, is: "s") { return scaled(number, by: second) }
        if unit(after: number.digits, is: "m") { return scaled(number, by: 60 * second) }
        if unit(after: number.digits, is: "h") { return scaled(number, by: 3600 * second) }
        if unit(after: number.digits, is: "d") { return scaled(number, by: 86_400 * second) }
        if unit(after: number.digits, is: "w") { return scaled(number, by: 604_800 * second) }
        return nil
    }

    /// A size with its unit: B or none, KiB, MiB, GiB or TiB, and K, M, G, T for the same.
    var sizeInBytes: UInt64? {
        guard let number else { return nil }
        if unit(after: number.digits, is: "") || unit(after: number.digits, is: "B") { return number.value }
        if unit(after: number.digits, is: "KiB") || unit(after: number.digits, is: "K") {
            return scaled(number, by: 1 << 10)
        }
        if unit(after: number.digits, is: "MiB") || unit(after: number.digits, is: "M") {
            return scaled(number, by: 1 << 20)
        }
        if unit(after: number.digits, is: "GiB") || unit(after: number.digits, is: "G") {
            return scaled(number, by: 1 << 30)
        }
        if unit(after: number.digits, is: "TiB") || unit(after: number.digits, is: "T") {
            return scaled(number, by: 1 << 40)
        }
        return nil
    }
}

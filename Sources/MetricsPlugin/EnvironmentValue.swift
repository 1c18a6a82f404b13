import CMachine
import MetricsModel
import Pseudonyms

/// The value of one environment variable. Compared and parsed as bytes: Unicode tables have no place in the server.
struct EnvironmentValue {
    private let name: String
    private let bytes: [UInt8]

    /// Nil if the variable is not set.
    init?(_ name: String) {
        guard let value = getenv(name) else { return nil }
        let start = UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self)
        self.name = name
        bytes = [UInt8](UnsafeBufferPointer(start: start, count: strlen(value)))
    }

    /// The names of the variables that begin with a prefix, as bytes; 64 at most, and none longer than 256 bytes.
    static func names(beginningWith prefix: String) -> [[UInt8]] {
        var names: [[UInt8]] = []
        guard var next = qpcm_environment() else { return [] }
        while let entry = next.pointee, names.count < 64 {
            let bytes = UnsafeBufferPointer(
                start: UnsafeRawPointer(entry).assumingMemoryBound(to: UInt8.self), count: strlen(entry))
            let name = bytes.prefix { $0 != 0x3D }
            if name.starts(with: prefix.utf8), name.count <= 256 { names.append(Array(name)) }
            next += 1
        }
        return names
    }

    /// Shows the value with `?` for what a terminal cannot show, and no more than 64 bytes of it.
    func error(expected: String) -> ConfigurationError {
        let shown = String(decoding: bytes.prefix(64).map { $0 < 0x20 || $0 > 0x7E ? 0x3F : $0 }, as: UTF8.self)
        return ConfigurationError(message: "\(name)=\(shown): invalid value '\(shown)': expected \(expected)")
    }

    func equals(_ word: String) -> Bool { bytes.elementsEqual(word.utf8) }

    // MARK: Parsed values; nil if the value is not of that kind

    var path: String? { bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }

    /// The key itself, or a file with it.
    var operatorKey: OperatorKey? {
        if bytes.starts(with: OperatorKey.prefix.utf8) { return OperatorKey.find(in: bytes) }
        guard let path, let found = try? OperatorKey.read(path: path) else { return nil }
        return found
    }

    var isOn: Bool? { equals("on") ? true : equals("off") ? false : nil }

    func named<Case>(_ cases: [Case], _ name: (Case) -> String) -> Case? { cases.first { equals(name($0)) } }

    /// `off` means no limit.
    func offOr(_ value: UInt64?) -> UInt64?? {
        if equals("off") { return .some(nil) }
        return value.map { .some($0) }
    }

    var ringBytes: Int? {
        guard let size = bytes(in: 0...UInt64(Settings.ringBytesAccepted.upperBound)) else { return nil }
        let bytes = Int(size)
        return Settings.ringBytesAccepted.contains(bytes) && bytes & (bytes - 1) == 0 ? bytes : nil
    }

    /// A time with its unit.
    func nanoseconds(in accepted: ClosedRange<UInt64>) -> UInt64? {
        let second: UInt64 = 1_000_000_000
        return scaled(
            by: [
                ("ms", 1_000_000), ("s", second), ("m", 60 * second), ("h", 3600 * second), ("d", Settings.day),
                ("w", 7 * Settings.day),
            ], in: accepted)
    }

    /// A size, in bytes if it has no unit.
    func bytes(in accepted: ClosedRange<UInt64>) -> UInt64? {
        scaled(
            by: [
                ("", 1), ("B", 1), ("KiB", 1 << 10), ("K", 1 << 10), ("MiB", 1 << 20), ("M", 1 << 20), ("GiB", 1 << 30),
                ("G", 1 << 30), ("TiB", 1 << 40), ("T", 1 << 40),
            ], in: accepted)
    }

    /// A number of at most 15 digits and one of the units.
    private func scaled(by units: [(name: String, factor: UInt64)], in accepted: ClosedRange<UInt64>) -> UInt64? {
        let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty, digits.count <= 15 else { return nil }
        let number = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 0x30) }
        let rest = bytes.dropFirst(digits.count)
        guard let unit = units.first(where: { rest.elementsEqual($0.name.utf8) }) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return !overflow && product <= UInt64(Int64.max) && accepted.contains(product) ? product : nil
    }
}

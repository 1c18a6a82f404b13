/// The product's version, and those of the formats that it writes. No other place holds them.
public enum Version {
    /// The plugin's, the command line's and the metrics'. A new format of a file below comes with a new version here.
    public static let current = "0.1.0"

    /// The log's schema: `PRAGMA user_version` of `events.db`.
    public static let log: UInt64 = 2
    /// The oldest schema that is still read, and changed into the current one by whoever opens it for writing.
    public static let oldestLog: UInt64 = 1
    /// The first version of the product that reads the current schema. A log says so in its table `state`, to programs that are
    /// too old for it.
    public static let logNeeds = "0.1.0"
    /// `live.qpcm`
    public static let live: UInt64 = 1
    /// `identity.key`: the newest that is read. A file in which no key is sealed to an operator's key is written as of format 1,
    /// which versions before operator's keys read.
    /// A file of a later format names the version that reads it: see `KeyRecord`.
    public static let keys: UInt64 = 2
}

/// A file of a newer format than this program knows. Nobody may guess what it means, change it or rename it: the program that
/// wrote it will be back.
public struct NewerFormat: Sendable {
    /// The format of the file, and the newest that this program reads.
    public var found: UInt64
    public var known: UInt64
    /// The version of the product that the file asks for; nil if it does not say.
    public var needs: String?

    /// Nil if the format is not newer, or no format at all, so that its number is damage: this many will never be made, or the
    /// file asks for a version that is not newer than this one, and every format came with a version.
    public init?(found: UInt64, known: UInt64, needs: String? = nil) {
        guard found > known, found <= Self.limit else { return nil }
        if let needs, !Self.isNewer(needs) { return nil }
        self.found = found
        self.known = known
        self.needs = needs
    }

    /// Whether a version is newer than this one, by its numbers: what follows a hyphen comes before the release.
    static func isNewer(_ version: String, than current: String = Version.current) -> Bool {
        let theirs = numbers(version)
        let ours = numbers(current)
        for index in 0..<max(theirs.count, ours.count) {
            let one = index < theirs.count ? theirs[index] : 0
            let other = index < ours.count ? ours[index] : 0
            if one != other { return one > other }
        }
        return false
    }

    private static func numbers(_ version: String) -> [UInt64] {
        var numbers: [UInt64] = [0]
        for byte in version.utf8 {
            switch byte {
            case 0x30...0x39:
                let next = numbers[numbers.count - 1].multipliedReportingOverflow(by: 10)
                numbers[numbers.count - 1] = next.overflow ? .max : next.partialValue &+ UInt64(byte - 0x30)
            case 0x2E: numbers.append(0)
            default: return numbers
            }
        }
        return numbers
    }

    /// The newest format that there will be.
    public static let limit: UInt64 = 0xFFFF

    public var words: String {
        "it is of format \(found), and this version, \(Version.current), reads formats up to \(known): "
            + (needs.map { "install qpc-metrics \($0) or later" } ?? "install the version that wrote it, or a later one")
    }

    /// The version that a file names: the bytes up to the first that cannot be part of one; nil for none.
    public static func version(_ bytes: some Sequence<UInt8>) -> String? {
        var kept: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: kept.append(byte)  // 0-9 A-Z a-z + - .
            default: return kept.isEmpty ? nil : String(decoding: kept, as: UTF8.self)
            }
            if kept.count == 32 { break }
        }
        return kept.isEmpty ? nil : String(decoding: kept, as: UTF8.self)
    }
}

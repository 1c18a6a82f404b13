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
    /// `identity.key`
    public static let keys: UInt64 = 1
}

/// A file of a newer format than this program knows. Nobody may guess what it means, change it or rename it: the program that
/// wrote it will be back.
public struct NewerFormat: Sendable {
    /// The format of the file, and the newest that this program reads.
    public var found: UInt64
    public var known: UInt64
    /// The version of the product that the file asks for; nil if it does not say.
    public var needs: String?

    /// Nil if the format is not newer, or no format at all: this many versions will never be made, so that number is damage.
    public init?(found: UInt64, known: UInt64, needs: String? = nil) {
        guard found > known, found <= Self.limit else { return nil }
        self.found = found
        self.known = known
        // A file that asks for this very version is not what it says.
        if let needs, !needs.utf8.elementsEqual(Version.current.utf8) { self.needs = needs }
    }

    /// One flipped bit in the two bytes below it cannot be told from a newer format, and is refused as well.
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

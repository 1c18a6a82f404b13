import EventLog
import EventSearch
import MetricsModel
import Pseudonyms
import Readings

/// Turns a user's name, a key or a channel, as somebody types it, into the forms in which the log may hold it.
public struct TermResolver: Sendable {
    private let keys: IdentityKeys?
    private let obstacle: String?
    private let path: String

    /// Reads the keys if it may; a reader in the server's group may not, and can still ask by pseudonym.
    public init(directory: String) {
        path = directory + "/" + IdentityKeys.fileName
        do throws(IdentityKeyError) {
            keys = try IdentityKeys.load(directory: directory)
            obstacle = nil
        } catch {
            keys = nil
            obstacle = error.message
        }
    }

    /// Why names cannot be looked up in this log; nil if they can. A pseudonym, or the beginning of one, always can.
    public func obstacle(in log: EventLogReader) -> String? {
        // A log that was never written under a key has names as they came, or none.
        if (try? log.epochs())?.isEmpty == true { return nil }
        if let obstacle { return obstacle }
        guard let keys, (try? log.verdict(on: keys)) == .foreign else { return nil }
        return "\(path) holds keys of another log"
    }

    /// Whether these bytes can only be found under a key: they are too long for a pseudonym.
    public static func needKey(_ bytes: [UInt8]) -> Bool { bytes.count > Pseudonym.byteCount }

    public static func isPseudonym(_ text: String) -> Bool {
        Hexadecimal.decode(text).map { $0.count == Pseudonym.byteCount } ?? false
    }

    /// In each epoch whose key exists, somebody is another pseudonym; newest first.
    private func pseudonyms(of bytes: [UInt8]) -> [[UInt8]] {
        (keys?.epochs ?? []).reversed().map { $0.key.pseudonym(of: bytes) }
    }

    /// A name, or a pseudonym of one.
    public func user(_ name: String) -> EventFilter.Term {
        let bytes = Array(name.utf8)
        var pseudonyms = pseudonyms(of: bytes)
        if let given = Hexadecimal.decode(name), given.count == Pseudonym.byteCount { pseudonyms.append(given) }
        return EventFilter.Term(plain: bytes, pseudonyms: pseudonyms)
    }

    /// Fewer digits than this are no beginning of a pseudonym, only a slip of the hand.
    public static let prefixBytes = 4

    /// A key or channel in hexadecimal, or a pseudonym of one, or the beginning of either, as a table on a terminal shows
    /// it; nil if it is not hexadecimal.
    public func bytes(_ hexadecimal: String) -> EventFilter.Term? {
        guard let bytes = Hexadecimal.decode(hexadecimal) else { return nil }
        let isBeginning = bytes.count >= Self.prefixBytes && bytes.count < Pseudonym.byteCount
        return EventFilter.Term(
            plain: bytes, pseudonyms: pseudonyms(of: bytes), prefix: isBeginning ? bytes : nil)
    }
}

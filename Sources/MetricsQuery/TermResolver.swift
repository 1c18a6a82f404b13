import EventLog
import EventSearch
import MetricsModel
import Pseudonyms
import Readings

/// Turns a user's name, a key or a channel, as typed, into the forms in which the log may hold it.
public struct TermResolver: Sendable {
    private let keys: IdentityKeys?
    private let obstacle: String?
    private let path: String

    /// Reads the keys if it has permission. A reader in the server's group has none, and can still use pseudonyms.
    public init(directory: String) {
        path = DataFile.keys.path(in: directory)
        do throws(IdentityKeyError) {
            keys = try IdentityKeys.load(directory: directory)
            obstacle = nil
        } catch {
            keys = nil
            obstacle = error.message
        }
    }

    /// Why names cannot be looked up in this log; nil if they can. Pseudonyms and prefixes of them always can.
    public func obstacle(in log: EventLogReader) -> String? {
        // A log that was never written under a key has names in plain text, or none.
        if (try? log.epochs())?.isEmpty == true { return nil }
        if let obstacle { return obstacle }
        guard let keys, (try? log.verdict(on: keys)) == .foreign else { return nil }
        return "\(path) holds keys of another log"
    }

    /// Whether these bytes, too long for a pseudonym, can only be found with a key.
    public static func needKey(_ bytes: [UInt8]) -> Bool { bytes.count > Pseudonym.byteCount }

    public static func isPseudonym(_ text: String) -> Bool {
        Hexadecimal.decode(text).map { $0.count == Pseudonym.byteCount } ?? false
    }

    /// The pseudonyms under the keys of all epochs, newest first.
    private func pseudonyms(of bytes: [UInt8]) -> [[UInt8]] {
        (keys?.epochs ?? []).reversed().map { $0.key.pseudonym(of: bytes) }
    }

    /// A name or a pseudonym.
    public func user(_ name: String) -> EventFilter.Term {
        let bytes = Array(name.utf8)
        var pseudonyms = pseudonyms(of: bytes)
        if let given = Hexadecimal.decode(name), given.count == Pseudonym.byteCount { pseudonyms.append(given) }
        return EventFilter.Term(plain: bytes, pseudonyms: pseudonyms)
    }

    /// Fewer bytes than this are not taken for a prefix, but for a typing error.
    public static let prefixBytes = 4

    /// A key, a channel or a pseudonym in hexadecimal, or the prefix of one, as a table on a terminal shows it; nil if it is
    /// not hexadecimal.
    public func bytes(_ hexadecimal: String) -> EventFilter.Term? {
        guard let bytes = Hexadecimal.decode(hexadecimal) else { return nil }
        let isPrefix = bytes.count >= Self.prefixBytes && bytes.count < Pseudonym.byteCount
        return EventFilter.Term(
            plain: bytes, pseudonyms: pseudonyms(of: bytes), prefix: isPrefix ? bytes : nil)
    }
}

import EventLog
import MetricsModel
import Pseudonyms
import Readings

/// Turns a user's name, a key or a channel, as somebody types it, into the forms in which the log may hold it.
public struct TermResolver: Sendable {
    private let keys: IdentityKeys?
    /// Why there is no key, for a message when nothing is found.
    public let keyIsMissing: Bool

    /// Reads the keys if it may; a reader of the server's group may not, and can still ask by pseudonym.
    public init(directory: String) {
        keys = try? IdentityKeys.load(directory: directory)
        keyIsMissing = keys == nil
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

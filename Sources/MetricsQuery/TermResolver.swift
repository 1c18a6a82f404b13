import EventLog
import EventSearch
import MetricsModel
import Pseudonyms
import Readings

/// Turns a user's name, a key or a channel, as typed, into the forms that the log may hold.
public struct TermResolver: Sendable {
    private let keys: IdentityKeys?
    private let obstacle: String?
    private let path: String
    private let asking: Asking?

    /// Asks a running plugin, which has the key of the epoch under way in its memory, for a pseudonym under it. Nil if there is
    /// none that answers. Called more than once with the same bytes.
    public typealias Asking = @Sendable ([UInt8]) -> [UInt8]?

    /// Reads the keys if permitted. A reader in the server's group is not, but can still use pseudonyms.
    ///
    /// - Parameter secret: the operator's, which opens keys that are sealed.
    /// - Parameter asking: called only if the key of the epoch under way is sealed, and not opened.
    public init(directory: String, opening secret: OperatorSecret? = nil, asking: Asking? = nil) {
        self.asking = asking
        path = DataFile.keys.path(in: directory)
        do throws(IdentityKeyError) {
            keys = try IdentityKeys.load(directory: directory, opening: secret).with(kept: PseudonymSearch.kept(directory))
            obstacle = nil
        } catch {
            keys = nil
            obstacle = error.message
        }
    }

    /// Why names cannot be looked up in this log; nil if they can. Pseudonyms and their prefixes always can.
    public func obstacle(in log: EventLogReader) -> String? {
        // A log that was never written under a key has names in plain text, or no names.
        if (try? log.epochs())?.isEmpty == true { return nil }
        if let obstacle { return obstacle }
        guard let keys else { return nil }
        if isSealed, !isAnswered { return Self.sealed }
        guard (try? log.verdict(on: keys)) == .foreign else { return nil }
        return "\(path) holds keys of another log"
    }

    /// What to say where every key is sealed.
    public static let sealed =
        "every key of this log is sealed to the operator's key; give the private key with --operator-key FILE"

    /// How many epochs' keys are sealed to an operator's key that was not given, and not in the memory of a plugin that answers.
    public var sealedEpochs: Int { (keys?.epochs ?? []).count { $0.key == nil } - (isAnswered ? 1 : 0) }

    /// Whether the newest epoch's key is in the memory of a plugin that answers.
    private var isAnswered: Bool { askedPseudonym(of: []) != nil }

    private func askedPseudonym(of bytes: [UInt8]) -> [UInt8]? {
        guard let keys, keys.newest.key == nil else { return nil }
        return asking?(bytes)
    }

    /// Whether no epoch's key can be used, because all are sealed.
    public var isSealed: Bool { keys.map { $0.epochs.allSatisfy { $0.key == nil } } ?? false }

    /// Whether these bytes are too long for a pseudonym, so that only a key can find them.
    public static func needKey(_ bytes: [UInt8]) -> Bool { bytes.count > Pseudonym.byteCount }

    public static func isPseudonym(_ text: String) -> Bool {
        Hexadecimal.decode(text).map { $0.count == Pseudonym.byteCount } ?? false
    }

    /// The pseudonyms under every epoch's key, newest first.
    private func pseudonyms(of bytes: [UInt8]) -> [[UInt8]] {
        let known = (keys?.epochs ?? []).reversed().compactMap { $0.key?.pseudonym(of: bytes) }
        return (askedPseudonym(of: bytes).map { [$0] } ?? []) + known
    }

    /// A name or a pseudonym.
    public func user(_ name: String) -> EventFilter.Term {
        let bytes = Array(name.utf8)
        var pseudonyms = pseudonyms(of: bytes)
        if let given = Hexadecimal.decode(name), given.count == Pseudonym.byteCount { pseudonyms.append(given) }
        return EventFilter.Term(plain: bytes, pseudonyms: pseudonyms)
    }

    /// A name, a pseudonym, or the first digits of one as shown by a table on a terminal. A user who has the name comes before
    /// all whose pseudonyms begin with it.
    public func userOrPrefix(_ text: String) -> EventFilter.Term {
        var term = user(text)
        if Self.isUserPrefix(text) { term.prefix = Self.prefix(text) }
        return term
    }

    /// Whether this may be the beginning of a user's pseudonym. A short word of the letters a to f is a name: `abba`.
    public static func isUserPrefix(_ text: String) -> Bool {
        let digits = text.utf8.count
        guard digits >= prefixDigits, digits < 2 * Pseudonym.byteCount, prefix(text) != nil else { return false }
        return digits >= 8 || text.utf8.contains { (0x30...0x39).contains($0) }
    }

    /// Fewer digits than this are taken for a typing error, not a prefix.
    public static let prefixDigits = 4

    /// A key, channel or pseudonym in hexadecimal, or its first digits as shown by a table on a terminal; nil if it is not
    /// hexadecimal or has too few digits.
    public func bytes(_ hexadecimal: String) -> EventFilter.Term? {
        let digits = hexadecimal.utf8.count
        guard digits >= Self.prefixDigits, let prefix = Self.prefix(hexadecimal) else { return nil }
        let isPrefix = digits < 2 * Pseudonym.byteCount
        guard let bytes = Hexadecimal.decode(hexadecimal) else {
            return isPrefix ? EventFilter.Term(plain: nil, pseudonyms: [], prefix: prefix) : nil
        }
        return EventFilter.Term(plain: bytes, pseudonyms: pseudonyms(of: bytes), prefix: isPrefix ? prefix : nil)
    }

    /// All values that begin with these digits; nil if they are not hexadecimal.
    public static func prefix(_ digits: String) -> EventFilter.Prefix? {
        let isOdd = digits.utf8.count % 2 == 1
        guard let first = Hexadecimal.decode(digits + (isOdd ? "0" : "")) else { return nil }
        var end = first
        // Increment the last digit, which is the high half of a byte if the number of digits is odd.
        while let last = end.last {
            let step: UInt8 = isOdd && end.count == first.count ? 0x10 : 1
            let (sum, overflow) = last.addingReportingOverflow(step)
            guard overflow else {
                end[end.count - 1] = sum
                break
            }
            end.removeLast()
        }
        return EventFilter.Prefix(first: first, end: end.isEmpty ? nil : end)
    }
}

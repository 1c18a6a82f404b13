import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Pseudonyms
import Readings

/// From pseudonyms to people and back: tries names and keys under every epoch's key. Keeps only what it finds.
public struct PseudonymSearch: Sendable {
    /// A pseudonym with its explanation.
    public struct Match: Sendable {
        /// In hexadecimal.
        public var pseudonym: String
        /// The line that explains it.
        public var name: [UInt8]
        /// Whether the line's bytes are a key or a channel in hexadecimal, and not a user's name.
        public var isKey: Bool
        /// The key epoch, as numbered in `identity.key`.
        public var epoch: Int64
    }

    private let keys: IdentityKeys

    /// - Parameter secret: the operator's, which opens keys that are sealed.
    /// - Throws: `IdentityKeyError` if the keys cannot be read.
    public init(directory: String, opening secret: OperatorSecret? = nil) throws(IdentityKeyError) {
        keys = try IdentityKeys.load(directory: directory, opening: secret).with(kept: Self.kept(directory))
    }

    /// Where a server with a `LIVE_DIR` keeps the key of the epoch under way.
    static func kept(_ directory: String) -> KeptKey? { KeptKey(beside: LivePlace.find(in: directory).elsewhere) }

    /// How many epochs' keys are sealed to an operator's key that was not given.
    public var sealedEpochs: Int { keys.epochs.count { $0.key == nil } }

    /// Whether no epoch's key can be used.
    public var isSealed: Bool { sealedEpochs == keys.epochs.count }

    /// Whether the keys belong to this log.
    public func fits(_ log: EventLogReader) throws(LogError) -> Bool { try log.verdict(on: keys) != .foreign }

    /// In hexadecimal, under every key that is there or was opened.
    public func pseudonyms(of bytes: [UInt8]) -> [String] {
        keys.epochs.compactMap { $0.key?.pseudonym(of: bytes) }.map { pseudonym in
            pseudonym.withUnsafeBytes { String(decoding: Hexadecimal.encode($0), as: UTF8.self) }
        }
    }

    /// Each form of a line under each key: as a user's name, and also as a key or channel if it is hexadecimal for 16 bytes or
    /// more.
    public func matches(of line: [UInt8]) -> [Match] {
        var forms: [(bytes: [UInt8], isKey: Bool)] = [(line, false)]
        if let key = Hexadecimal.decode(line), key.count >= Pseudonym.byteCount { forms.append((key, true)) }
        var matches: [Match] = []
        for form in forms {
            for epoch in keys.epochs {
                guard let key = epoch.key else { continue }
                let pseudonym = key.pseudonym(of: form.bytes)
                let text = pseudonym.withUnsafeBytes { String(decoding: Hexadecimal.encode($0), as: UTF8.self) }
                matches.append(Match(pseudonym: text, name: line, isKey: form.isKey, epoch: epoch.number))
            }
        }
        return matches
    }
}

extension EventLogReader {
    /// The kinds of names that include this pseudonym in the log; empty if none do.
    public func kinds(ofPseudonym hexadecimal: String) throws(LogError) -> [NameKind] {
        guard let bytes = Hexadecimal.decode(hexadecimal) else { return [] }
        var kinds: [NameKind] = []
        for kind in [NameKind.user, .identity, .channel] {
            let find = try database.prepare("SELECT 1 FROM \(kind.table) WHERE value = ?")
            find.bind(blob: bytes, at: 1)
            if try find.step() { kinds.append(kind) }
        }
        return kinds
    }

    /// The log's full pseudonyms that begin with some digits; at most `limit` of each kind.
    public func pseudonyms(from prefix: EventFilter.Prefix, limit: Int) throws(LogError) -> [String] {
        var found: [String] = []
        for kind in [NameKind.user, .identity, .channel] {
            let find = try database.prepare(
                "SELECT value FROM \(kind.table) WHERE typeof(value) = 'blob' AND value >= ?"
                    + (prefix.end == nil ? "" : " AND value < ?") + " LIMIT \(limit)")
            find.bind(blob: prefix.first, at: 1)
            if let end = prefix.end { find.bind(blob: end, at: 2) }
            while try find.step() {
                let text = find.bytes(0).withUnsafeBytes { String(decoding: Hexadecimal.encode($0), as: UTF8.self) }
                if !found.contains(text) { found.append(text) }
            }
        }
        return found
    }
}

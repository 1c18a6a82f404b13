import MetricsModel
import Pseudonyms

/// How the log recognizes its own keys: for each key epoch, the table `state` holds `key_check_N`, the fingerprint of epoch N's
/// key (`IdentityKey.fingerprint`). A key file that does not match is another log's, or junk: names looked up under it would
/// never be found, and whoever put it there could test guesses against rows written under it.
public enum KeyVerdict: Sendable {
    /// The log knows no key yet: it is new, or older than these checks.
    case unchecked
    /// At least one key is the log's, and none contradicts it.
    case recognized
    case foreign
}

extension KeyVerdict {
    package static func of(_ keys: IdentityKeys, in database: Database) throws(LogError) -> KeyVerdict {
        let any = try database.integer(
            "SELECT 1 FROM state WHERE key >= '\(KeyCheck.prefix)' AND key < 'key_check`' LIMIT 1")
        guard any != nil else { return .unchecked }
        var verdict = KeyVerdict.foreign
        for epoch in keys.epochs {
            guard let known = try KeyCheck.read(epoch.number, in: database) else { continue }
            guard known == epoch.fingerprint else { return .foreign }
            verdict = .recognized
        }
        return verdict
    }
}

enum KeyCheck {
    static let prefix = "key_check_"

    static func name(_ epoch: Int64) -> String { "\(prefix)\(epoch)" }

    /// Nil if the log has none for that epoch.
    static func read(_ epoch: Int64, in database: Database) throws(LogError) -> [UInt8]? {
        let query = try database.prepare("SELECT value FROM state WHERE key = '\(name(epoch))'")
        return try query.step() ? query.bytes(0) : nil
    }
}

extension EventLogWriter {
    public func verdict(on keys: IdentityKeys) throws(LogError) -> KeyVerdict { try .of(keys, in: database) }

    /// A number larger than any epoch in which rows were written or whose key was recorded: an epoch can end before its first
    /// row.
    public func unusedEpoch() throws(LogError) -> Int64 {
        let noted = try database.integer(
            "SELECT max(CAST(substr(key, \(KeyCheck.prefix.utf8.count + 1)) AS INTEGER)) FROM state "
                + "WHERE key >= '\(KeyCheck.prefix)' AND key < 'key_check`'")
        return max(newestEpoch, min(noted ?? 0, Int64.max - 1)) + 1
    }

    /// Records the fingerprints of the keys in use that are not yet recorded, in a transaction of its own.
    public func saveKeyChecks() throws(LogError) {
        var new: [IdentityKeys.Epoch] = []
        for epoch in keys?.epochs ?? [] where try KeyCheck.read(epoch.number, in: database) == nil { new.append(epoch) }
        guard !new.isEmpty else { return }
        try change { () throws(LogError) in
            for epoch in new { try save(KeyCheck.name(epoch.number), blob: epoch.fingerprint) }
        }
    }

    /// Part of the transaction that writes an epoch's first rows.
    func saveKeyCheck(of number: Int64) throws(LogError) {
        for epoch in keys?.epochs ?? [] where epoch.number == number {
            try save(KeyCheck.name(number), blob: epoch.fingerprint)
        }
    }
}

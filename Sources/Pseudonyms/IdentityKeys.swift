import CMachine
import MetricsModel

/// The keys of the epochs whose pseudonyms the log holds, oldest first: `identity.key`, mode 0600. `KeyRecord` draws the file.
///
/// Under an operator's key, the file has each key only sealed. The key of the epoch under way is then in the plugin's memory
/// alone, and the keys of the epochs before it are nowhere but with the operator.
public struct IdentityKeys: Sendable {
    public struct Epoch: Sendable {
        /// Rises with each rotation; the log's table `epoch` says which rows were written under it.
        public let number: Int64
        /// UTC, microseconds since 1970.
        public let startedMicroseconds: Int64
        /// Nil: it is sealed, and not in this process's memory.
        public internal(set) var key: IdentityKey?
        /// `IdentityKey.fingerprint`, which is known of a sealed key, too.
        public let fingerprint: [UInt8]
        /// Whom the file has it sealed to; nil if the file has it as it is.
        public let sealedTo: OperatorKey?
    }

    /// Oldest first, never empty.
    public private(set) var epochs: [Epoch]

    /// The file's format number is not the one that everything else in it proves.
    public private(set) var hasDamagedNumber = false

    /// The one that new rows are written under.
    public var newest: Epoch { epochs[epochs.count - 1] }

    /// Whether there is no room for another epoch's key.
    ///
    /// - Parameter sealing: whether that key is to be sealed. Under an operator's key each start begins an epoch, so a file with
    ///   sealed keys has room for more of them.
    public func isFull(sealing: Bool) -> Bool {
        epochs.count >= (sealing || epochs.contains { $0.sealedTo != nil } ? KeyRecord.sealedLimit : KeyRecord.clearLimit)
    }

    public func has(_ number: Int64) -> Bool { epochs.contains { $0.number == number } }

    private init(_ records: [KeyRecord], hasDamagedNumber: Bool = false) {
        self.hasDamagedNumber = hasDamagedNumber
        epochs = records.map { record in
            var key: IdentityKey?
            if case .clear(let bytes) = record.content { key = IdentityKey(bytes.bytes) }
            return Epoch(
                number: record.number, startedMicroseconds: record.startedMicroseconds, key: key,
                fingerprint: record.fingerprint, sealedTo: record.sealedTo)
        }
    }

    /// - Throws: `IdentityKeyError`: `.missing`, `.newer`, `.unusable`, or `.system`.
    public static func load(directory: String) throws(IdentityKeyError) -> IdentityKeys {
        let parsed = try parsed(directory)
        return IdentityKeys(parsed.records, hasDamagedNumber: parsed.hasDamagedNumber)
    }

    /// With the operator's private key: sealed keys are opened.
    /// - Throws: also `.wrongOperator`, if there are sealed keys and none is sealed to this operator.
    public static func load(directory: String, opening secret: OperatorSecret?) throws(IdentityKeyError) -> IdentityKeys {
        let (records, hasDamagedNumber) = try parsed(directory)
        var keys = IdentityKeys(records, hasDamagedNumber: hasDamagedNumber)
        guard let secret else { return keys }
        var isOpened = false
        var other: OperatorKey?
        for index in records.indices where records[index].sealedTo != nil {
            keys.epochs[index].key = records[index].opened(by: secret)
            if keys.epochs[index].key != nil { isOpened = true } else { other = records[index].sealedTo }
        }
        if let other, !isOpened { throw .wrongOperator(path: KeyFile.path(directory), sealedTo: other.text) }
        return keys
    }

    private static func parsed(
        _ directory: String
    ) throws(IdentityKeyError) -> (records: [KeyRecord], hasDamagedNumber: Bool) {
        let (content, changed) = try KeyFile.read(directory)
        guard let parsed = KeyRecord.parse(content, changed: changed) else { throw .unusable(path: KeyFile.path(directory)) }
        return parsed
    }

    private static func records(_ directory: String) throws(IdentityKeyError) -> [KeyRecord] { try parsed(directory).records }

    /// - Throws: `IdentityKeyError.newer` if the file is there, can be read, and is of a newer format.
    public static func expectKnown(directory: String) throws(IdentityKeyError) { try KeyFile.expectKnown(directory) }

    /// Writes the file again with the right format number, if it has another.
    /// - Returns: whether it had.
    /// - Throws: `IdentityKeyError`; the file is then unchanged.
    public static func repairNumber(directory: String) throws(IdentityKeyError) -> Bool {
        let parsed = try parsed(directory)
        guard parsed.hasDamagedNumber else { return false }
        _ = try replace(parsed.records, adding: nil, 0, nil, directory)
        return true
    }

    /// Creates the file with one new key.
    /// - Parameter epoch: larger than any that the log knows.
    /// - Parameter operatorKey: the file then has the key only sealed to it.
    /// - Parameter kept: where such a key is kept besides.
    public static func make(
        directory: String, epoch: Int64, nowMicroseconds: Int64, sealedTo operatorKey: OperatorKey? = nil, kept: KeptKey? = nil
    ) throws(IdentityKeyError) -> IdentityKeys {
        try replace([], adding: epoch, nowMicroseconds, operatorKey, directory, kept)
    }

    /// Adds a new key to the file: from now on it is the one to write under.
    /// - Parameter atLeast: the epoch's number is this or larger.
    /// - Parameter operatorKey: the file then has the key, and every other that was not sealed, only sealed to it.
    /// - Parameter kept: where such a key is kept besides, in place of the one before.
    /// - Throws: `IdentityKeyError`; the file is then unchanged. Check `isFull` first: a full file throws `.full`.
    public static func rotate(
        directory: String, atLeast: Int64, nowMicroseconds: Int64, sealedTo operatorKey: OperatorKey? = nil, kept: KeptKey? = nil
    ) throws(IdentityKeyError) -> IdentityKeys {
        let old = try records(directory)
        guard !IdentityKeys(old).isFull(sealing: operatorKey != nil) else { throw .full(path: KeyFile.path(directory)) }
        let number = max((old.last?.number ?? 0) + 1, atLeast)
        return try replace(old, adding: number, nowMicroseconds, operatorKey, directory, kept)
    }

    /// Seals every key of the file that is not sealed.
    /// - Throws: `IdentityKeyError`; the file is then unchanged.
    public static func seal(directory: String, to operatorKey: OperatorKey) throws(IdentityKeyError) -> IdentityKeys {
        try replace(try records(directory), adding: nil, 0, operatorKey, directory)
    }

    /// Removes the keys of these epochs from the file, and from what the disk holds of it.
    /// - Parameter kept: there, too.
    /// - Returns: what is left; nil if nothing is, and the file is gone.
    /// - Throws: `IdentityKeyError`; the file is then unchanged.
    public static func destroy(
        _ numbers: [Int64], directory: String, kept: KeptKey? = nil
    ) throws(IdentityKeyError) -> IdentityKeys? {
        let old = try records(directory)
        let left = old.filter { !numbers.contains($0.number) }
        guard left.count < old.count else { return IdentityKeys(old) }
        defer { for record in old where numbers.contains(record.number) { kept?.remove(record.fingerprint) } }
        guard !left.isEmpty else {
            KeyFile.remove(directory)
            return nil
        }
        return try replace(left, adding: nil, 0, nil, directory)
    }

    /// The same, with the newest key from where it is kept, if it is sealed in the file.
    public func with(kept: KeptKey?) -> IdentityKeys {
        var keys = self
        if let kept, newest.key == nil { keys.epochs[epochs.count - 1].key = kept.read(newest.fingerprint) }
        return keys
    }

    /// Removes whichever of these keys are kept there.
    public func removeKept(_ kept: KeptKey) { for epoch in epochs { kept.remove(epoch.fingerprint) } }

    /// The same, with the keys of the sealed epochs that this process has in memory.
    public func with(memoryOf other: IdentityKeys?) -> IdentityKeys {
        var keys = self
        for index in keys.epochs.indices where keys.epochs[index].key == nil {
            keys.epochs[index].key =
                other?.epochs.first { $0.number == epochs[index].number && $0.fingerprint == epochs[index].fingerprint }?.key
        }
        return keys
    }

    /// - Throws: `IdentityKeyError.foreign` if the file holds other keys by now: somebody replaced it.
    public func expectUnchanged(directory: String) throws(IdentityKeyError) {
        let file = try Self.load(directory: directory)
        let isSame =
            file.epochs.count == epochs.count
            && zip(file.epochs, epochs).allSatisfy { $0.number == $1.number && $0.fingerprint == $1.fingerprint }
        if !isSame { throw .foreign(path: KeyFile.path(directory)) }
    }

    /// How many epochs' keys a file of that size holds, for those who may not read it.
    public static func epochs(inBytes bytes: UInt64) -> Int { KeyRecord.count(inBytes: Int(clamping: bytes)) }

    /// Cleans up after a process that died while it was changing the file, and corrects the file's mode.
    public static func tidy(directory: String) { KeyFile.tidy(directory) }

    private static func replace(
        _ old: [KeyRecord], adding number: Int64?, _ now: Int64, _ operatorKey: OperatorKey?, _ directory: String,
        _ kept: KeptKey? = nil
    ) throws(IdentityKeyError) -> IdentityKeys {
        var records = old
        var new: (identity: IdentityKey, bytes: SecretBytes)?
        if let number {
            let key = SecretBytes(count: IdentityKey.byteCount)
            guard getrandom(key.start, key.count, 0) == key.count else {
                throw .system(operation: "make a key for", path: KeyFile.path(directory), code: qpcm_errno())
            }
            new = (IdentityKey(key.bytes), key)
            records.append(KeyRecord(number: number, startedMicroseconds: now, key: key))
        }
        if let operatorKey {
            for index in records.indices {
                guard let sealed = records[index].sealed(to: operatorKey) else {
                    throw .system(operation: "seal the keys of", path: KeyFile.path(directory), code: EINVAL)
                }
                records[index] = sealed
            }
        }
        try KeyFile.replace(directory, with: KeyRecord.file(records))
        var keys = IdentityKeys(records)
        guard let new else { return keys }
        keys.epochs[keys.epochs.count - 1].key = new.identity
        if let kept, operatorKey != nil {
            kept.write(new.bytes, keys.newest.fingerprint)
            for record in old { kept.remove(record.fingerprint) }
        }
        return keys
    }
}

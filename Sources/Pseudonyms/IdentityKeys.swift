import CMachine
import MetricsModel

/// The keys of the epochs whose pseudonyms the log holds, oldest first: `identity.key`, mode 0600.
///
/// The file, in little-endian:
///
///      0 ┌──────────────────────┐
///        │ magic                │  8  "QPCMKEYS"
///      8 │ version              │  4  1
///     12 │ count                │  4  of entries, 1 to 256
///     16 ├──────────────────────┤
///        │ epoch                │  8  its number, 1 or more, larger than that of the entry before
///     24 │ started              │  8  UTC, microseconds since 1970
///     32 │ key                  │ 32  random
///     64 │ check                │  8  the first 8 bytes of HMAC-SHA-256 over epoch and started under the key
///     72 ├──────────────────────┤
///        │ the next entry ...   │ 56 each
///        └──────────────────────┘
///
/// A file of exactly 32 bytes, as older versions made it, is the key of epoch 1, which began when the file was last modified;
/// unless it begins with the magic: then it is a newer file that was truncated, all of whose bytes can be guessed.
public struct IdentityKeys: Sendable {
    /// How many epochs' keys a file can hold.
    public static let limit = 256

    static let headerBytes = 16
    static let entryBytes = 56
    static let magic: UInt64 = 0x5359_454B_4D43_5051

    public struct Epoch: Sendable {
        /// Rises with each rotation; the log's table `epoch` says which rows were written under it.
        public let number: Int64
        /// UTC, microseconds since 1970.
        public let startedMicroseconds: Int64
        public let key: IdentityKey
    }

    /// Oldest first, never empty.
    public let epochs: [Epoch]

    /// The one that new rows are written under.
    public var newest: Epoch { epochs[epochs.count - 1] }

    /// Whether there is no room for another rotation.
    public var isFull: Bool { epochs.count >= Self.limit }

    public func has(_ number: Int64) -> Bool { epochs.contains { $0.number == number } }

    /// - Throws: `IdentityKeyError`: `.missing`, `.newer`, `.unusable`, or `.system`.
    public static func load(directory: String) throws(IdentityKeyError) -> IdentityKeys {
        let (content, changed) = try KeyFile.read(directory)
        guard let keys = parse(content, changed: changed) else { throw .unusable(path: KeyFile.path(directory)) }
        return keys
    }

    /// - Throws: `IdentityKeyError.newer` if the file is there, can be read, and is of a newer format.
    public static func expectKnown(directory: String) throws(IdentityKeyError) { try KeyFile.expectKnown(directory) }

    /// Creates the file with one new key.
    /// - Parameter epoch: larger than any that the log knows.
    public static func make(
        directory: String, epoch: Int64, nowMicroseconds: Int64
    ) throws(IdentityKeyError) -> IdentityKeys {
        let content = SecretBytes(count: headerBytes + entryBytes)
        try addKey(to: content, at: headerBytes, epoch: epoch, nowMicroseconds: nowMicroseconds, directory)
        return try replace(content, directory)
    }

    /// Adds a new key to the file: from now on it is the one to write under.
    /// - Parameter atLeast: the epoch's number is this or larger.
    /// - Throws: `IdentityKeyError`; the file is then unchanged. Check `isFull` first: a full file throws `.unusable`.
    public static func rotate(
        directory: String, atLeast: Int64, nowMicroseconds: Int64
    ) throws(IdentityKeyError) -> IdentityKeys {
        let (old, changed) = try KeyFile.read(directory)
        guard let keys = parse(old, changed: changed), !keys.isFull else {
            throw .unusable(path: KeyFile.path(directory))
        }
        let content = SecretBytes(count: headerBytes + (keys.epochs.count + 1) * entryBytes)
        copyEntries(of: keys, in: old, to: content) { _ in true }
        try addKey(
            to: content, at: headerBytes + keys.epochs.count * entryBytes,
            epoch: max(keys.newest.number + 1, atLeast), nowMicroseconds: nowMicroseconds, directory)
        return try replace(content, directory)
    }

    /// Removes the keys of these epochs from the file, and from what the disk holds of it.
    /// - Returns: what is left; nil if nothing is, and the file is gone.
    /// - Throws: `IdentityKeyError`; the file is then unchanged.
    public static func destroy(
        _ numbers: [Int64], directory: String
    ) throws(IdentityKeyError) -> IdentityKeys? {
        let (old, changed) = try KeyFile.read(directory)
        guard let keys = parse(old, changed: changed) else { throw .unusable(path: KeyFile.path(directory)) }
        let kept = keys.epochs.reduce(0) { $0 + (numbers.contains($1.number) ? 0 : 1) }
        guard kept > 0 else {
            KeyFile.remove(directory)
            return nil
        }
        guard kept < keys.epochs.count else { return keys }
        let content = SecretBytes(count: headerBytes + kept * entryBytes)
        copyEntries(of: keys, in: old, to: content) { !numbers.contains($0) }
        return try replace(content, directory)
    }

    /// - Throws: `IdentityKeyError.foreign` if the file holds other keys by now: somebody replaced it.
    public func expectUnchanged(directory: String) throws(IdentityKeyError) {
        let file = try Self.load(directory: directory)
        let isSame =
            file.epochs.count == epochs.count
            && zip(file.epochs, epochs).allSatisfy { $0.number == $1.number && $0.key.fingerprint == $1.key.fingerprint }
        if !isSame { throw .foreign(path: KeyFile.path(directory)) }
    }

    /// How many epochs' keys a file of that size holds, for those who may not read it.
    public static func epochs(inBytes bytes: UInt64) -> Int {
        bytes == IdentityKey.byteCount ? 1 : max(0, (Int(clamping: bytes) - headerBytes) / entryBytes)
    }

    /// Cleans up after a process that died while it was changing the file, and corrects the file's mode.
    public static func tidy(directory: String) { KeyFile.tidy(directory) }

    // MARK: The file's bytes

    private static func parse(_ content: SecretBytes, changed: Int64) -> IdentityKeys? {
        if content.count == IdentityKey.byteCount {
            guard content.word(at: 0) != magic else { return nil }
            return IdentityKeys(epochs: [Epoch(number: 1, startedMicroseconds: changed, key: IdentityKey(content.bytes))])
        }
        guard content.count >= headerBytes + entryBytes, content.word(at: 0) == magic,
            content.word(at: 8) & 0xFFFF_FFFF == Version.keys
        else { return nil }
        let count = Int(content.word(at: 8) >> 32)
        guard count >= 1, count <= limit, content.count == headerBytes + count * entryBytes else { return nil }
        var epochs: [Epoch] = []
        for index in 0..<count {
            let at = headerBytes + index * entryBytes
            let entry = UnsafeRawBufferPointer(rebasing: content.bytes[at..<at + entryBytes])
            let number = Int64(bitPattern: content.word(at: at))
            let key = IdentityKey(UnsafeRawBufferPointer(rebasing: entry[16..<48]))
            guard number > (epochs.last?.number ?? 0), check(entry, key) == content.word(at: at + 48) else { return nil }
            epochs.append(
                Epoch(number: number, startedMicroseconds: Int64(bitPattern: content.word(at: at + 8)), key: key))
        }
        return IdentityKeys(epochs: epochs)
    }

    private static func check(_ entry: UnsafeRawBufferPointer, _ key: IdentityKey) -> UInt64 {
        let digest = key.pseudonym(of: UnsafeRawBufferPointer(rebasing: entry[..<16]))
        return digest.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    private static func addKey(
        to content: SecretBytes, at offset: Int, epoch: Int64, nowMicroseconds: Int64, _ directory: String
    ) throws(IdentityKeyError) {
        content.store(UInt64(bitPattern: epoch), at: offset)
        content.store(UInt64(bitPattern: nowMicroseconds), at: offset + 8)
        guard getrandom(content.start + offset + 16, IdentityKey.byteCount, 0) == IdentityKey.byteCount else {
            throw .system(operation: "make a key for", path: KeyFile.path(directory), code: qpcm_errno())
        }
        seal(content, at: offset)
    }

    private static func seal(_ content: SecretBytes, at offset: Int) {
        let entry = UnsafeRawBufferPointer(rebasing: content.bytes[offset..<offset + entryBytes])
        let key = IdentityKey(UnsafeRawBufferPointer(rebasing: entry[16..<48]))
        content.store(check(entry, key), at: offset + 48)
    }

    private static func copyEntries(
        of keys: IdentityKeys, in old: SecretBytes, to content: SecretBytes,
        where isKept: (Int64) -> Bool
    ) {
        let isOldForm = old.count == IdentityKey.byteCount
        var target = headerBytes
        for (index, epoch) in keys.epochs.enumerated() where isKept(epoch.number) {
            let key = isOldForm ? 0 : headerBytes + index * entryBytes + 16
            content.store(UInt64(bitPattern: epoch.number), at: target)
            content.store(UInt64(bitPattern: epoch.startedMicroseconds), at: target + 8)
            memcpy(content.start + target + 16, old.start + key, IdentityKey.byteCount)
            seal(content, at: target)
            target += entryBytes
        }
    }

    private static func replace(
        _ content: SecretBytes, _ directory: String
    ) throws(IdentityKeyError) -> IdentityKeys {
        let count = (content.count - headerBytes) / entryBytes
        content.store(magic, at: 0)
        content.store(Version.keys | UInt64(count) << 32, at: 8)
        guard let keys = parse(content, changed: 0) else { throw .unusable(path: KeyFile.path(directory)) }
        try KeyFile.replace(directory, with: content)
        return keys
    }
}

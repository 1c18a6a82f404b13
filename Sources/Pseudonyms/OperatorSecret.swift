import CMachine
import CSodium

/// An operator's private key (X25519), which opens what is sealed to its public key. The plugin never has it.
///
/// The file, mode 0600, is text. Lines that begin with `#` say what it is; the one that counts is
///
///     QPC-OPERATOR-SECRET-…    72 hexadecimal digits: the 32 bytes of the key, and a check of 4 bytes (BLAKE2b)
///     QPC-OPERATOR-LOCKED-…    200 hexadecimal digits: the key under a passphrase, and a check of 4 bytes
///
/// A locked one in bytes, its numbers in little-endian:
///
///      0 ┌──────────────────────┐
///        │ salt                 │ 16  of Argon2id, version 1.3, one lane
///     16 │ passes               │  4
///     20 │ memory               │  4  KiB
///     24 │ nonce                │ 24
///     48 │ box                  │ 48  crypto_secretbox (XSalsa20-Poly1305) of the key, under the passphrase's hash
///     96 │ check                │  4  BLAKE2b over the bytes before it
///    100 └──────────────────────┘
public final class OperatorSecret: Sendable {
    public enum Problem: Error {
        /// No line of the file is a private key, or its check is wrong.
        case notAKey
        /// It is locked, and no passphrase was given.
        case locked
        case wrongPassphrase
        /// The passphrase's hash needs this much memory, in KiB, which is not to be had.
        case memory(UInt32)
        /// The system gave no random bytes.
        case random
    }

    static let clearPrefix = "QPC-OPERATOR-SECRET-"
    static let lockedPrefix = "QPC-OPERATOR-LOCKED-"
    private static let saltBytes = 16
    private static let boxOffset = 48
    private static let lockedBytes = 96
    private static let checkBytes = 4

    /// Opens what is sealed, in place of a secret that this process does not have: 80 bytes; nil if they are not sealed to it.
    public typealias Opening = @Sendable (UnsafeRawBufferPointer) -> SecretBytes?

    private enum Holder {
        case here(SecretBytes)
        case elsewhere(Opening)
    }

    private let holder: Holder
    public let publicKey: OperatorKey

    /// A key that another process has.
    public init(of publicKey: OperatorKey, opening: @escaping Opening) {
        holder = .elsewhere(opening)
        self.publicKey = publicKey
    }

    private init(_ secret: SecretBytes) {
        holder = .here(secret)
        publicKey = OperatorKey(
            [UInt8](unsafeUninitializedCapacity: OperatorKey.byteCount) { target, count in
                _ = crypto_scalarmult_base(target.baseAddress!, secret.octets)
                count = OperatorKey.byteCount
            })
    }

    public static func make() throws(Problem) -> OperatorSecret {
        let secret = SecretBytes(count: OperatorKey.byteCount)
        try fill(secret.start, OperatorKey.byteCount)
        return OperatorSecret(secret)
    }

    private static func fill(_ start: UnsafeMutableRawPointer, _ count: Int) throws(Problem) {
        guard getrandom(start, count, 0) == count else { throw .random }
    }

    // MARK: The file

    /// Whether the file's key needs a passphrase.
    public static func isLocked(_ file: SecretBytes) -> Bool { line(lockedPrefix, in: file) != nil }

    /// - Parameter passphrase: for a locked key.
    public static func read(_ file: SecretBytes, passphrase: SecretBytes?) throws(Problem) -> OperatorSecret {
        if let clear = line(clearPrefix, in: file) {
            guard clear.count == OperatorKey.byteCount + checkBytes, isWhole(clear) else { throw .notAKey }
            let secret = SecretBytes(count: OperatorKey.byteCount)
            memcpy(secret.start, clear.start, secret.count)
            return OperatorSecret(secret)
        }
        guard let locked = line(lockedPrefix, in: file), locked.count == lockedBytes + checkBytes, isWhole(locked) else {
            throw .notAKey
        }
        guard let passphrase else { throw .locked }
        let hash = try hash(passphrase, locked)
        let secret = SecretBytes(count: OperatorKey.byteCount)
        let box = locked.octets + boxOffset
        guard
            crypto_secretbox_open_easy(secret.octets, box, UInt64(lockedBytes - boxOffset), locked.octets + 24, hash.octets) == 0
        else { throw .wrongPassphrase }
        return OperatorSecret(secret)
    }

    /// The line of a private key's file that counts.
    /// - Parameter passphrase: locks it, if given.
    /// - Parameter memoryKiB: of Argon2id, with `passes`; more of both makes guessing a passphrase harder.
    public func line(
        passphrase: SecretBytes?, memoryKiB: UInt32 = 256 << 10, passes: UInt32 = 3
    ) throws(Problem) -> SecretBytes {
        guard case .here(let secret) = holder else { throw .notAKey }
        guard let passphrase else { return Self.line(Self.clearPrefix, secret) }
        let locked = SecretBytes(count: Self.lockedBytes)
        try Self.fill(locked.start, Self.saltBytes)
        locked.start.storeBytes(of: passes.littleEndian, toByteOffset: 16, as: UInt32.self)
        locked.start.storeBytes(of: memoryKiB.littleEndian, toByteOffset: 20, as: UInt32.self)
        try Self.fill(locked.start + 24, 24)
        let hash = try Self.hash(passphrase, locked)
        let box = locked.octets + Self.boxOffset
        _ = crypto_secretbox_easy(box, secret.octets, UInt64(secret.count), locked.octets + 24, hash.octets)
        return Self.line(Self.lockedPrefix, locked)
    }

    private static func hash(_ passphrase: SecretBytes, _ locked: SecretBytes) throws(Problem) -> SecretBytes {
        let passes = UInt32(littleEndian: locked.start.load(fromByteOffset: 16, as: UInt32.self))
        let memory = UInt32(littleEndian: locked.start.load(fromByteOffset: 20, as: UInt32.self))
        // A file from somewhere else must not take all memory, or all day.
        guard (1...64).contains(passes), (8...4 << 20).contains(memory) else { throw .notAKey }
        let hash = SecretBytes(count: 32)
        let made = crypto_pwhash(
            hash.octets, 32, passphrase.start.assumingMemoryBound(to: CChar.self), UInt64(passphrase.count), locked.octets,
            UInt64(passes), Int(memory) << 10, crypto_pwhash_ALG_ARGON2ID13)
        guard made == 0 else { throw .memory(memory) }
        return hash
    }

    /// The bytes of a line with this prefix, which are hexadecimal; nil without one.
    private static func line(_ prefix: String, in file: SecretBytes) -> SecretBytes? {
        let start = Array(prefix.utf8)
        for line in file.bytes.split(whereSeparator: { $0 <= 0x20 }) where line.starts(with: start) {
            let digits = line.dropFirst(start.count)
            guard digits.count % 2 == 0, digits.count > 2 * checkBytes else { return nil }
            let content = SecretBytes(count: digits.count / 2)
            for (index, digit) in digits.enumerated() {
                guard let value = Hexadecimal.value(digit) else { return nil }
                content.octets[index / 2] |= index % 2 == 0 ? value << 4 : value
            }
            return content
        }
        return nil
    }

    private static func isWhole(_ content: SecretBytes) -> Bool {
        let body = UnsafeRawBufferPointer(rebasing: content.bytes.dropLast(checkBytes))
        return OperatorKey.digest(body, 16).prefix(checkBytes).elementsEqual(content.bytes.suffix(checkBytes))
    }

    private static func line(_ prefix: String, _ content: SecretBytes) -> SecretBytes {
        let start = Array(prefix.utf8)
        let line = SecretBytes(count: start.count + 2 * (content.count + checkBytes))
        line.start.copyMemory(from: start, byteCount: start.count)
        var next = start.count
        for byte in content.bytes {
            line.octets[next] = Hexadecimal.digit(byte >> 4)
            line.octets[next + 1] = Hexadecimal.digit(byte & 15)
            next += 2
        }
        for byte in OperatorKey.digest(content.bytes, 16).prefix(checkBytes) {
            line.octets[next] = Hexadecimal.digit(byte >> 4)
            line.octets[next + 1] = Hexadecimal.digit(byte & 15)
            next += 2
        }
        return line
    }

    // MARK: What is sealed

    /// A sealed key of pseudonyms, in bytes.
    public static let sealedBytes = IdentityKey.byteCount + OperatorKey.sealBytes

    /// Opens a sealed key of pseudonyms; nil if it is not sealed to this operator.
    /// - Parameter sealed: `sealedBytes` of them.
    public func open(_ sealed: UnsafeRawBufferPointer) -> SecretBytes? {
        guard sealed.count == Self.sealedBytes, let start = sealed.bindMemory(to: UInt8.self).baseAddress else { return nil }
        switch holder {
        case .elsewhere(let opening): return opening(sealed)
        case .here(let secret):
            let key = SecretBytes(count: IdentityKey.byteCount)
            let opened = publicKey.bytes.withUnsafeBufferPointer { ownKey in
                crypto_box_seal_open(key.octets, start, UInt64(sealed.count), ownKey.baseAddress!, secret.octets)
            }
            return opened == 0 ? key : nil
        }
    }
}

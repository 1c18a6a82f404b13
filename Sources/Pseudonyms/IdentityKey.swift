import CMachine
import CSodium

/// The secret under which users, keys and channels become pseudonyms: `identity.key`, 32 random bytes, mode 0600.
public struct IdentityKey: Sendable {
    public static let byteCount = 32
    public static let fileName = "identity.key"

    /// The HMAC's state after the key: each pseudonym begins from a copy, which saves half of the work.
    private let keyed: crypto_auth_hmacsha256_state

    public init(bytes: [UInt8]) {
        var state = crypto_auth_hmacsha256_state()
        _ = crypto_auth_hmacsha256_init(&state, bytes, bytes.count)
        keyed = state
    }

    /// The first 16 bytes of HMAC-SHA-256 over the bytes as they came (RFC 2104).
    public func pseudonym(of bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>) {
        var state = keyed
        _ = crypto_auth_hmacsha256_update(
            &state, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count))
        var digest = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &digest) { digest in
            _ = crypto_auth_hmacsha256_final(&state, digest.bindMemory(to: UInt8.self).baseAddress!)
            UnsafeMutableRawPointer(target).copyMemory(from: digest.baseAddress!, byteCount: Pseudonym.byteCount)
        }
    }

    public func pseudonym(of bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Pseudonym.byteCount) { target, count in
            bytes.withUnsafeBytes { pseudonym(of: $0, into: target.baseAddress!) }
            count = Pseudonym.byteCount
        }
    }

    /// Reads the key of a data directory.
    /// - Throws: `IdentityKeyError`: `.missing`, `.unusable` for one that is not 32 bytes long, or `.system`.
    public static func load(directory: String) throws(IdentityKeyError) -> IdentityKey {
        let path = directory + "/" + fileName
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else {
            let code = qpcm_errno()
            throw code == ENOENT ? .missing : .system(operation: "open", path: path, code: code)
        }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: byteCount + 1)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, byteCount + 1) }
        guard count >= 0 else { throw .system(operation: "read", path: path, code: qpcm_errno()) }
        guard count == byteCount else { throw .unusable(path: path) }
        bytes.removeLast()
        defer { bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress!, $0.count) } }
        return IdentityKey(bytes: bytes)
    }

    /// Makes a new key, whole and on the disk before it has its name.
    public static func make(directory: String) throws(IdentityKeyError) -> IdentityKey {
        let path = directory + "/" + fileName
        let temporary = path + ".new"
        _ = unlink(temporary)
        let descriptor = qpcm_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .system(operation: "make", path: temporary, code: qpcm_errno())
        }
        _ = fchmod(descriptor, 0o600)  // whatever the umask
        var bytes = [UInt8](repeating: 0, count: byteCount)
        defer { bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress!, $0.count) } }
        let written = bytes.withUnsafeMutableBytes { target in
            getrandom(target.baseAddress, byteCount, 0) == byteCount
                && write(descriptor, target.baseAddress, byteCount) == byteCount
        }
        let code = written && fsync(descriptor) == 0 ? 0 : qpcm_errno()
        _ = close(descriptor)
        guard code == 0, rename(temporary, path) == 0 else {
            let code = code == 0 ? qpcm_errno() : code
            _ = unlink(temporary)
            throw .system(operation: "write", path: path, code: code)
        }
        return IdentityKey(bytes: bytes)
    }
}

public enum Pseudonym {
    public static let byteCount = 16
}

/// Why there is no key.
public enum IdentityKeyError: Error {
    case missing
    /// It is there, and is not a key.
    case unusable(path: String)
    case system(operation: String, path: String, code: Int32)
}

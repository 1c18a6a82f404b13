import CMachine
import CSodium
import MetricsModel

/// The secret of one epoch, under which users, keys and channels become pseudonyms: 32 random bytes.
///
/// A class, so that there is one copy of it in memory, which is wiped when its last user lets go of it.
public final class IdentityKey: @unchecked Sendable {
    public static let byteCount = 32

    /// The HMAC state after the key, which is as good as the key: each pseudonym starts from a copy, which saves half the work.
    private let keyed: UnsafeMutablePointer<crypto_auth_hmacsha256_state>
    private let memory: SecretBytes

    public init(_ bytes: UnsafeRawBufferPointer) {
        memory = SecretBytes(count: MemoryLayout<crypto_auth_hmacsha256_state>.size)
        keyed = memory.start.bindMemory(to: crypto_auth_hmacsha256_state.self, capacity: 1)
        keyed.initialize(to: crypto_auth_hmacsha256_state())
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        _ = crypto_auth_hmacsha256_init(keyed, start, bytes.count)
    }

    /// The first 16 bytes of HMAC-SHA-256 over the bytes as they came (RFC 2104).
    public func pseudonym(of bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>) {
        var state = keyed.pointee
        _ = crypto_auth_hmacsha256_update(
            &state, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count))
        var digest = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &digest) { digest in
            _ = crypto_auth_hmacsha256_final(&state, digest.bindMemory(to: UInt8.self).baseAddress!)
            UnsafeMutableRawPointer(target).copyMemory(from: digest.baseAddress!, byteCount: Pseudonym.byteCount)
        }
        // The stack outlives the call, and is part of a core dump.
        sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
    }

    public func pseudonym(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Pseudonym.byteCount) { target, count in
            pseudonym(of: bytes, into: target.baseAddress!)
            count = Pseudonym.byteCount
        }
    }

    /// 16 bytes that tell this key from any other: the pseudonym of a constant longer than any user name, key or channel, and
    /// so nobody's pseudonym. Reveals nothing without the key.
    public var fingerprint: [UInt8] { pseudonym(of: [UInt8](repeating: 0x51, count: 320)) }

    public func pseudonym(of bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { pseudonym(of: $0) } }
}

public enum Pseudonym {
    public static let byteCount = 16
}

/// Why there is no key.
public enum IdentityKeyError: Error {
    case missing
    /// The file is there, but is not a key file.
    case unusable(path: String)
    /// The file is of a newer format.
    case newer(path: String, NewerFormat)
    /// The file holds keys other than those in use.
    case foreign(path: String)
    /// The keys are sealed to another operator's key.
    case wrongOperator(path: String, sealedTo: String)
    /// There is no room for another epoch's key.
    case full(path: String)
    case system(operation: String, path: String, code: Int32)

    public var message: String {
        switch self {
        case .missing: return "there is no identity key"
        case .unusable(let path): return "\(path) is not a file of keys"
        case .newer(let path, let format): return "cannot read \(path): \(format.words)"
        case .foreign(let path): return "\(path) holds other keys than those in use"
        case .wrongOperator(let path, let sealedTo):
            return "\(path) holds keys that are sealed to another operator's key, \(sealedTo)"
        case .full(let path): return "\(path) has no room for another key"
        case .system(let operation, let path, let code):
            return "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        }
    }
}

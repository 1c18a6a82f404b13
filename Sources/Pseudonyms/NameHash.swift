import CMachine
import CSodium

/// What stands for a user's name, a key, a channel or a reason in the server's memory, so that the bytes themselves need not stay
/// there: SipHash-2-4 of 128 bits. Nobody who does not know the key can find two names with the same hash.
public struct NameHash: Equatable, Sendable {
    /// Never 0.
    public let first: UInt64
    public let second: UInt64

    public init(first: UInt64, second: UInt64) {
        self.first = first | 1
        self.second = second
    }
}

/// A random key of this process, under which names are hashed; in memory that core dumps leave out, and wiped at the end.
public final class NameHashKey: Sendable {
    private let key = SecretBytes(count: Int(crypto_shorthash_siphashx24_KEYBYTES))

    public init() { _ = getrandom(key.start, key.count, 0) }

    public func hash(_ bytes: UnsafeRawBufferPointer) -> NameHash {
        var words = (UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &words) { target in
            _ = crypto_shorthash_siphashx24(
                target.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped,
                bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count), key.octets)
        }
        return NameHash(first: words.0, second: words.1)
    }
}

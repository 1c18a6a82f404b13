/// A hash under a random key of this process: nobody can choose names that collide, and nothing stored under it can be traced
/// back once the process has ended. Not for anything written down: that is what `Pseudonym` is for.
///
/// Multiplies and folds eight bytes at a time, as wyhash does.
public enum KeyedHash {
    /// - Parameter seed: odd.
    /// - Returns: never 0.
    @inlinable @inline(__always)
    public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        guard let start = bytes.baseAddress else { return hash | 1 }
        var index = 0
        while index &+ 8 <= bytes.count {
            hash = fold(hash ^ start.loadUnaligned(fromByteOffset: index, as: UInt64.self), seed)
            index &+= 8
        }
        if index < bytes.count {
            var rest: UInt64 = 0
            while index < bytes.count {
                rest = rest << 8 | UInt64(start.load(fromByteOffset: index, as: UInt8.self))
                index &+= 1
            }
            hash = fold(hash ^ rest, seed)
        }
        return fold(hash, seed) | 1
    }

    @inlinable @inline(__always)
    static func fold(_ value: UInt64, _ seed: UInt64) -> UInt64 {
        let product = (value ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: seed)
        return product.high ^ product.low
    }
}

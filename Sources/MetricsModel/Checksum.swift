/// The checksum of data at rest: counters, headers, rows. It detects accidents; whoever can write a file can make it match.
public enum Checksum {
    @inlinable @inline(__always)
    public static var start: UInt64 { 0x5150_434D }

    /// Mixes in one more word. Reversible for a given word, so no change of a single word goes unnoticed.
    @inlinable @inline(__always)
    public static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }

    @inlinable @inline(__always)
    public static func mix(_ hash: UInt64, _ word: Int64) -> UInt64 { mix(hash, UInt64(bitPattern: word)) }

    public static func mix(_ hash: UInt64, bytes: [UInt8]) -> UInt64 {
        bytes.reduce(mix(hash, UInt64(bytes.count))) { mix($0, UInt64($1)) }
    }
}

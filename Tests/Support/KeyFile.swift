/// `identity.key` as its documentation draws it, read without the product's code.
public struct KeyFile: Sendable {
    public struct Epoch: Sendable, Equatable {
        public var number: UInt64
        /// UTC, microseconds since 1970.
        public var started: Int64
        public var key: [UInt8]
    }

    /// Oldest first.
    public let epochs: [Epoch]

    public var newest: Epoch { epochs[epochs.count - 1] }

    public init(_ path: String) throws {
        let bytes = try read(path)
        if bytes.count == 32 {
            epochs = [Epoch(number: 1, started: 0, key: bytes)]
            return
        }
        func word(_ offset: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        guard bytes.count >= 16, String(decoding: bytes[..<8], as: UTF8.self) == "QPCMKEYS",
            word(8) & 0xFFFF_FFFF == 1, bytes.count == 16 + 56 * Int(word(8) >> 32)
        else { throw TestFailure("\(path) is no file of keys: \(bytes.count) bytes") }
        epochs = stride(from: 16, to: bytes.count, by: 56).map {
            Epoch(number: word($0), started: Int64(bitPattern: word($0 + 8)), key: Array(bytes[$0 + 16..<$0 + 48]))
        }
    }
}

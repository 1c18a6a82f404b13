/// What a killed host's threads had done; see `Tests/Hosts/qpc-host/journal.rs`.
public struct Journal: Sendable {
    public struct Row: Sendable {
        /// Events whose hook had returned, by kind.
        public var returned: [UInt64]
        public var callsStarted: UInt64
        public var messagesHandedOver: UInt64

        /// Sequence numbers 1 to this one had been accepted.
        public var messagesReturned: UInt64 { returned[0] + returned[1] }
    }

    public let rows: [Row]

    public init(_ path: String) throws {
        let bytes = try read(path)
        let words = bytes.withUnsafeBytes { buffer in
            (0..<bytes.count / 8).map { buffer.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        }
        rows = stride(from: 0, to: words.count, by: 8).map { start in
            Row(
                returned: Array(words[start..<start + 6]), callsStarted: words[start + 6],
                messagesHandedOver: words[start + 7])
        }
    }

    /// Events of a kind whose hook had returned.
    public func returned(_ kind: Int) -> UInt64 { rows.reduce(0) { $0 + $1.returned[kind] } }
}

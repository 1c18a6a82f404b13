import Gzip
import MetricsModel
import Readings

/// Events as rows of ClickHouse's format RowBinary, compressed. What an event does not have is zero or empty.
///
/// Always compressed: ClickHouse takes a plain body that was cut off at the end of a row for a whole one, and refuses a cut gzip.
final class RowEncoder {
    private let gzip = GzipStream()
    /// Server and branch, with which every row begins.
    private let head: [UInt8]
    private let pending = UnsafeMutableRawBufferPointer.allocate(byteCount: RowEncoder.pendingBytes, alignment: 8)
    private var used = 0
    /// Names and keys that were not pseudonyms, and were left out.
    private(set) var leftOut: UInt64 = 0

    private static let pendingBytes = 1 << 16

    /// - Parameter branch: the name of the log's branch, 16 bytes.
    init(server: String, branch: [UInt8]) {
        let text = Array(server.utf8)
        head = Self.length(text.count) + text + branch
    }

    deinit { pending.deallocate() }

    /// The columns, in the order in which they are sent: server, log, and the fields of an event.
    static let columns: [EventField?] = [
        nil, nil, .id, .time, .kind, .sender, .recipient, .channel, .user, .identity, .initiator, .peer, .ok, .new, .bytes, .seq,
        .batch, .batchSize, .count, .reason,
    ]

    static func name(_ column: Int) -> String {
        switch column {
        case 0: "server"
        case 1: "log"
        case 3: "time_us"
        default: columns[column]?.name ?? ""
        }
    }

    /// Where a field's value is in what follows the kind. The reason comes last, and has no fixed width.
    private static func offset(of field: EventField) -> Int {
        switch field {
        case .sender: 0
        case .recipient: 16
        case .channel: 32
        case .user: 48
        case .identity: 64
        case .initiator: 80
        case .peer: 96
        case .ok: 112
        case .new: 113
        case .bytes: 114
        case .seq: 122
        case .batch: 130
        case .batchSize: 138
        case .count: 146
        case .reason: reason
        case .id, .time, .kind: 0
        }
    }

    private static let reason = 154
    private static let fieldLimit = EventKind.columnLimit - 2

    /// By kind and place among its fields: the offset.
    private static let offsets: [Int] = EventKind.allCases.flatMap { kind in
        (0..<fieldLimit).map { $0 < kind.fields.count ? offset(of: kind.fields[$0]) : 0 }
    }
    private let offsets = RowEncoder.offsets
    private let counts = EventKind.allCases.map(\.fields.count)

    func append(_ event: borrowing LoggedEvent) {
        if used + head.count + 2 * Self.reason > Self.pendingBytes { flush() }
        let row = UnsafeMutableRawPointer(pending.baseAddress! + used)
        head.withUnsafeBytes { row.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        let start = row + head.count
        start.storeBytes(of: event.id.littleEndian, as: Int64.self)
        start.storeBytes(of: event.timeMicroseconds.littleEndian, toByteOffset: 8, as: Int64.self)
        start.storeBytes(of: UInt8(event.kind.index + 1), toByteOffset: 16, as: UInt8.self)
        let fields = start + 17
        fields.initializeMemory(as: UInt8.self, repeating: 0, count: Self.reason)
        used += head.count + 17 + Self.reason
        var reason: InternedText?
        let first = event.kind.index * Self.fieldLimit
        for index in 0..<counts[event.kind.index] {
            let offset = offsets[first + index]
            switch event.values[index] {
            case .absent: continue
            case .number(let number): fields.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt64.self)
            case .flag(let isSet): fields.storeBytes(of: isSet ? 1 : 0, toByteOffset: offset, as: UInt8.self)
            case .text(let text):
                if offset == Self.reason {
                    reason = text
                } else if !Self.decode(text.bytes, to: fields + offset) {
                    // Whatever is no pseudonym never leaves the machine.
                    (fields + offset).initializeMemory(as: UInt8.self, repeating: 0, count: 16)
                    leftOut += 1
                }
            }
        }
        guard let reason else { return append([0]) }
        append(Self.length(reason.bytes.count) + reason.utf8)
    }

    private func append(_ bytes: [UInt8]) {
        if used + bytes.count > Self.pendingBytes { flush() }
        guard bytes.count <= Self.pendingBytes else { return bytes.withUnsafeBytes { gzip.append($0) } }
        pending[used..<used + bytes.count].copyBytes(from: bytes)
        used += bytes.count
    }

    private func flush() {
        gzip.append(UnsafeRawBufferPointer(rebasing: pending[..<used]))
        used = 0
    }

    func finish() -> [UInt8] {
        flush()
        return gzip.finish()
    }

    /// Appends the 16 bytes of a pseudonym; false for anything else.
    static func append(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { space in
            guard decode(text, to: space.baseAddress!) else { return false }
            bytes.append(contentsOf: space)
            return true
        }
    }

    /// 16 bytes of 32 digits; false for anything else.
    @inline(__always)
    private static func decode(_ text: UnsafeBufferPointer<UInt8>, to target: UnsafeMutableRawPointer) -> Bool {
        guard text.count == 32 else { return false }
        for index in 0..<16 {
            guard let high = digit(text[2 * index]), let low = digit(text[2 * index + 1]) else { return false }
            target.storeBytes(of: high << 4 | low, toByteOffset: index, as: UInt8.self)
        }
        return true
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    private static func length(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var length = count
        while length >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        return bytes + [UInt8(length)]
    }
}

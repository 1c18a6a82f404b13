import CSodium
import MetricsModel
import Readings

/// A number for a row's contents, which ClickHouse computes from its columns and `verify` from the log's event.
///
/// It is the hash of the pseudonyms, 16 bytes each, then of the numbers in decimal digits, each with a comma, then of the reason.
/// Server, log and kind are what rows are counted by.
final class RowDigest {
    private var bytes: [UInt8] = []
    private static let pseudonyms: [EventField] = [.sender, .recipient, .channel, .user, .identity, .initiator, .peer]
    private static let numbers: [EventField] = [.id, .time, .ok, .new, .bytes, .seq, .batch, .batchSize, .count]

    /// In the words of ClickHouse.
    static var expression: String {
        let numbers = numbers.map { "toString(`\($0 == .time ? "time_us" : $0.name)`), ','" }
        let parts = pseudonyms.map { "`\($0.name)`" } + numbers + ["`reason`"]
        return "sipHash64(concat(\(parts.joined(separator: ", "))))"
    }

    /// By kind and place in this order: where the field is among the kind's; -1 if it has none.
    private let places: [[Int]] = EventKind.allCases.map { kind in
        (RowDigest.pseudonyms + RowDigest.numbers + [.reason]).map { kind.fields.firstIndex(of: $0) ?? -1 }
    }

    func hash(_ event: borrowing LoggedEvent) -> UInt64 {
        bytes.removeAll(keepingCapacity: true)
        let places = places[event.kind.index]
        for (index, _) in Self.pseudonyms.enumerated() {
            guard places[index] >= 0, case .text(let text) = event.values[places[index]],
                RowEncoder.append(text.bytes, to: &bytes)
            else {
                bytes.append(contentsOf: repeatElement(0, count: 16))
                continue
            }
        }
        for (index, field) in Self.numbers.enumerated() {
            let place = places[Self.pseudonyms.count + index]
            switch field {
            case .id: append(UInt64(bitPattern: event.id))
            case .time: appendSigned(event.timeMicroseconds)
            default:
                guard place >= 0 else {
                    append(0)
                    break
                }
                switch event.values[place] {
                case .number(let number): append(number)
                case .flag(let isSet): append(isSet ? 1 : 0)
                case .absent, .text: append(0)
                }
            }
            bytes.append(0x2C)
        }
        if let place = places.last, place >= 0, case .text(let text) = event.values[place] {
            bytes.append(contentsOf: text.bytes)
        }
        return Self.hash(bytes)
    }

    /// ClickHouse's `sipHash64`: SipHash-2-4 under a key of zeros.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0
        withUnsafeMutablePointer(to: &hash) {
            _ = $0.withMemoryRebound(to: UInt8.self, capacity: 8) {
                crypto_shorthash_siphash24($0, bytes, UInt64(bytes.count), key)
            }
        }
        return UInt64(littleEndian: hash)
    }

    private static let key = [UInt8](repeating: 0, count: Int(crypto_shorthash_siphash24_KEYBYTES))

    private func appendSigned(_ number: Int64) {
        if number < 0 { bytes.append(0x2D) }
        append(number.magnitude)
    }

    private func append(_ number: UInt64) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}

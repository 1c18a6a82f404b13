import Foundation
import TestSupport

/// The fields that name a person or a channel.
let identityFields: Set<String> = ["sender", "recipient", "channel", "user", "initiator", "peer", "identity"]

func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text.utf8).compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// What known events become under a key, by Python's HMAC rather than the product's.
struct Pseudonyms {
    let key: [UInt8]

    init(_ key: [UInt8]) { self.key = key }

    func applied(to events: [LoggedEvent]) throws -> [LoggedEvent] {
        var plain: Set<String> = []
        for event in events {
            for field in identityFields { if let value = event[field]?.text { plain.insert(Self.hex(field, value)) } }
        }
        let names = try hashes(of: plain.sorted())
        return events.map { event in
            var event = event
            if let reason = event["reason"]?.text {
                event["reason"] = .text(Self.withoutName(reason, user: event["user"]?.text))
            }
            for field in identityFields {
                if let value = event[field]?.text { event[field] = .text(names[Self.hex(field, value)]!) }
            }
            return event
        }
    }

    /// A reason may hold its user's name, which would defeat everything else.
    static func withoutName(_ reason: String, user: String?) -> String {
        guard let user, user.utf8.count >= 3 else { return reason }
        return reason.replacingOccurrences(of: user, with: "[user]", options: [.literal, .caseInsensitive])
    }

    /// Users are text; all others are written in hexadecimal.
    private static func hex(_ field: String, _ value: String) -> String {
        field == "user" ? TestSupport.hex(value.utf8) : value
    }

    private func hashes(of values: [String]) throws -> [String: String] {
        let program = """
            import hmac, sys
            key = bytes.fromhex(sys.argv[1])
            for value in sys.stdin.read().split():
                print(hmac.new(key, bytes.fromhex(value), "sha256").hexdigest()[:32])
            """
        let outcome = try run(
            ["python3", "-c", program, TestSupport.hex(key)], input: values.joined(separator: "\n") + "\n")
        guard outcome.status == 0, outcome.lines.count == values.count else { throw TestFailure(outcome.errors) }
        return Dictionary(uniqueKeysWithValues: zip(values, outcome.lines))
    }
}

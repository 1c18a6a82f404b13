import Foundation

/// What the host says it sent.
public struct Tally: Sendable {
    /// The host's names of the hooks, in the order of the kinds.
    public static let hooks = ["message", "batch", "auth", "channel", "fetch", "register"]

    public let calls: [UInt64]
    public let events: [UInt64]
    private let sums: [String: UInt64]

    public init(_ json: String) throws {
        let object = try JSONDecoder().decode([String: JSONValue].self, from: Data(json.utf8))
        func byHook(_ name: String) throws -> [UInt64] {
            guard case .object(let members)? = object[name] else { throw TestFailure("no \(name) in \(json)") }
            return try Self.hooks.map { hook in
                guard case .number(let value)? = members[hook] else { throw TestFailure("no \(hook) in \(json)") }
                return value
            }
        }
        calls = try byHook("calls")
        events = try byHook("events")
        sums = object.compactMapValues { if case .number(let value) = $0 { value } else { nil } }
    }

    public subscript(_ name: String) -> UInt64 {
        guard let sum = sums[name] else { fatalError("the host has no sum \(name)") }
        return sum
    }

    public var total: UInt64 { events.reduce(0, +) }
}

import Foundation

/// Any JSON; all numbers in an event are unsigned integers.
public enum JSONValue: Decodable, Hashable, Sendable {
    case text(String)
    case number(UInt64)
    case fraction(Double)
    case flag(Bool)
    case list([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(UInt64.self) {
            self = .number(number)
        } else if let fraction = try? container.decode(Double.self) {
            self = .fraction(fraction)
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public var text: String? { if case .text(let text) = self { text } else { nil } }
    public var number: UInt64? { if case .number(let number) = self { number } else { nil } }
    public var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
}

/// An event as `events -o ndjson` prints it.
public typealias LoggedEvent = [String: JSONValue]

public enum NDJSON {
    /// - Throws: if it is not UTF-8, or a line is not a JSON object.
    public static func decode(_ bytes: [UInt8]) throws -> [LoggedEvent] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw TestFailure("NDJSON that is no UTF-8") }
        let decoder = JSONDecoder()
        return try text.split(separator: "\n").map { line in
            do {
                return try decoder.decode(LoggedEvent.self, from: Data(line.utf8))
            } catch {
                throw TestFailure("no JSON object: \(line)")
            }
        }
    }
}

/// A JSON value as another program sent it.
enum JSONNode: Equatable {
    case object([String: JSONNode])
    case array([JSONNode])
    case text(String)
    case number(Double)
    case flag(Bool)
    case null

    subscript(_ key: String) -> JSONNode? { if case .object(let fields) = self { fields[key] } else { nil } }
    var elements: [JSONNode] { if case .array(let elements) = self { elements } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }

    /// An object of strings, such as labels.
    var texts: [String: String] {
        guard case .object(let fields) = self else { return [:] }
        return fields.compactMapValues(\.text)
    }

    /// Nil if the bytes are not JSON.
    init?(_ bytes: [UInt8]) {
        var reader = JSONReader(bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }
}

/// Parses RFC 8259. The depth of recursion is bounded, whatever the nesting.
private struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private static let deepest = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return position == bytes.count
        }
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// Consumes a character if it comes next, after blanks.
    private mutating func take(_ character: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == character else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    mutating func value(depth: Int) -> JSONNode? {
        guard depth < Self.deepest else { return nil }
        if take(0x7B) { return object(depth) }
        if take(0x5B) { return array(depth) }
        if take(0x22) { return text().map { .text($0) } }
        if take(word: "true") { return .flag(true) }
        if take(word: "false") { return .flag(false) }
        if take(word: "null") { return .null }
        return number()
    }

    private mutating func object(_ depth: Int) -> JSONNode? {
        var fields: [String: JSONNode] = [:]
        if take(0x7D) { return .object(fields) }
        repeat {
            guard take(0x22), let key = text(), take(0x3A), let value = value(depth: depth + 1) else { return nil }
            fields[key] = value
        } while take(0x2C)
        return take(0x7D) ? .object(fields) : nil
    }

    private mutating func array(_ depth: Int) -> JSONNode? {
        var elements: [JSONNode] = []
        if take(0x5D) { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
        } while take(0x2C)
        return take(0x5D) ? .array(elements) : nil
    }

    private mutating func number() -> JSONNode? {
        let start = position
        while position < bytes.count, "+-.eE0123456789".utf8.contains(bytes[position]) { position += 1 }
        return Double(String(decoding: bytes[start..<position], as: UTF8.self)).map { .number($0) }
    }

    /// What follows a quotation mark, up to the next one.
    private mutating func text() -> String? {
        var utf8: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 0x22 { return String(decoding: utf8, as: UTF8.self) }
            guard byte == 0x5C else {
                utf8.append(byte)
                continue
            }
            guard let scalar = escape() else { return nil }
            utf8 += String(scalar).utf8
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard position < bytes.count else { return nil }
        position += 1
        switch bytes[position - 1] {
        case 0x62: return "\u{08}"
        case 0x66: return "\u{0C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75:
            guard let unit = unit() else { return nil }
            // The second half of a surrogate pair.
            if (0xD800..<0xDC00).contains(unit), take(word: "\\u"), let low = self.unit() {
                return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF) ?? "\u{FFFD}"
            }
            return Unicode.Scalar(unit) ?? "\u{FFFD}"
        case let other: return Unicode.Scalar(other)
        }
    }

    private mutating func unit() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        defer { position += 4 }
        return UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    }
}

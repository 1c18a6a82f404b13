extension HTTPAnswer {
    private static let headEnd = Array("\r\n\r\n".utf8)

    /// - Throws: `HTTPError` if the bytes are not a response, or only part of one.
    init(_ bytes: [UInt8]) throws(HTTPError) {
        // A TLS record begins like this: an alert, or a handshake.
        if let first = bytes.first, first == 0x15 || first == 0x16 { throw .speaksTLS }
        guard let end = bytes.firstRange(of: Self.headEnd) else { throw .notHTTP }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100...999).contains(status) else {
            throw .notHTTP
        }
        self.status = status
        headers = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[line[..<colon].lowercased()] = String(value)
        }
        body = Array(bytes[end.upperBound...])
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            guard let joined = Self.joined(body) else { throw .cutShort }
            body = joined
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            guard body.count >= length else { throw .cutShort }
            body = Array(body.prefix(max(0, length)))
        }
        // How Go's servers answer an unencrypted request.
        if status == 400, String(decoding: body.prefix(200), as: UTF8.self).contains("HTTP request to an HTTPS server") {
            throw .speaksTLS
        }
    }

    /// Whether a response that states its length has arrived completely.
    static func isComplete(_ bytes: [UInt8]) -> Bool {
        // Only the head is searched: most responses soon end with their connection, and looking for other ends in each piece
        // would cost more than it saves.
        guard let end = bytes.prefix(1 << 14).firstRange(of: headEnd) else { return false }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).lowercased()
        for line in head.split(separator: "\r\n") where line.hasPrefix("content-length:") {
            guard let length = Int(line.dropFirst(15).drop { $0 == " " }) else { return false }
            return bytes.count - end.upperBound >= length
        }
        return false
    }

    /// The joined chunks of a chunked body (RFC 9112, 7.1); nil if the last one is missing.
    private static func joined(_ body: [UInt8]) -> [UInt8]? {
        var joined: [UInt8] = []
        var rest = body[...]
        while let end = rest.firstRange(of: [0x0D, 0x0A]) {
            let digits = rest[..<end.lowerBound].prefix { $0 != 0x3B }
            guard let count = Int(String(decoding: digits, as: UTF8.self), radix: 16), count >= 0 else { return nil }
            rest = rest[end.upperBound...]
            if count == 0 { return joined }
            guard rest.count >= count else { return nil }
            joined += rest.prefix(count)
            rest = rest.dropFirst(count).dropFirst(2)
        }
        return nil
    }
}

/// RFC 4648, 4.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encoded(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for index in 0..<3 { word = word << 8 | UInt32(start + index < bytes.count ? bytes[start + index] : 0) }
            for index in 0..<4 {
                text.append(index <= group.count ? digits[Int(word >> (18 - 6 * UInt32(index)) & 63)] : 0x3D)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

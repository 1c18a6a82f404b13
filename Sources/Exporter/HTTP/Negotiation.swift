/// The format and encoding of the response to a scrape, chosen by what the client accepts.
package struct ScrapeForm: Hashable, Sendable {
    package enum Format: CaseIterable, Sendable {
        case text
        case openMetrics
    }

    package var format: Format
    package var isGzip: Bool

    package init(format: Format, isGzip: Bool) {
        self.format = format
        self.isGzip = isGzip
    }

    /// From the `Accept` and `Accept-Encoding` fields; nil where there is none. A client that accepts neither format gets text,
    /// as from every client library.
    package init(accept: String?, acceptEncoding: String?) {
        format = accept.map(Self.format) ?? .text
        isGzip = acceptEncoding.map(Self.takesGzip) ?? false
    }

    private static func format(_ accept: String) -> Format {
        var best: (quality: Int, format: Format)?
        for range in AcceptedRange.list(accept) where range.quality > 0 {
            guard let format = format(of: range) else { continue }
            // On a tie, the first one listed wins.
            if range.quality > best?.quality ?? 0 { best = (range.quality, format) }
        }
        return best?.format ?? .text
    }

    private static func format(of range: AcceptedRange) -> Format? {
        switch range.name {
        case "application/openmetrics-text":
            // 0.0.1 is a different format, from before the standard.
            return ["1.0.0", nil].contains(range.parameter("version")) ? .openMetrics : nil
        case "text/plain":
            return ["0.0.4", nil].contains(range.parameter("version")) ? .text : nil
        case "application/*": return .openMetrics
        case "text/*", "*/*": return .text
        default: return nil
        }
    }

    private static func takesGzip(_ acceptEncoding: String) -> Bool {
        var gzip: Int?
        var identity: Int?
        var other: Int?
        for range in AcceptedRange.list(acceptEncoding) {
            switch range.name {
            case "gzip", "x-gzip": gzip = range.quality
            case "identity": identity = range.quality
            case "*": other = range.quality
            default: break
            }
        }
        guard let quality = gzip ?? other, quality > 0 else { return false }
        return quality >= identity ?? 0
    }
}

/// One element of an `Accept` or `Accept-Encoding` field.
struct AcceptedRange {
    /// In lower case.
    var name: String
    /// Thousandths, 0 to 1000.
    var quality = 1000
    private var parameters: [(name: String, value: String)] = []

    func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// Skips malformed elements. The limit on the head bounds their number.
    static func list(_ field: String) -> [AcceptedRange] {
        field.split(separator: ",").compactMap { AcceptedRange($0) }
    }

    private init?(_ element: Substring) {
        let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        guard let name = parts.first, !name.isEmpty else { return nil }
        self.name = name.lowercased()
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard pair.count == 2 else { continue }
            var value = pair[1]
            if value.utf8.count >= 2, value.utf8.first == 0x22, value.utf8.last == 0x22 {
                value = value[value.utf8.index(after: value.startIndex)..<value.utf8.index(before: value.endIndex)]
            }
            if pair[0].lowercased() == "q" {
                guard let quality = Self.quality(value) else { return nil }
                self.quality = quality
            } else {
                parameters.append((pair[0].lowercased(), String(value)))
            }
        }
    }

    /// Works on bytes: a character can be as long as the field, and dropping characters one by one would rescan the rest each
    /// time.
    private static func trimmed(_ text: Substring) -> Substring {
        let bytes = text.utf8
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return text[text.endIndex...] }
        return text[first..<bytes.index(after: last)]
    }

    /// `0`, `0.5`, `1.000`: at most three digits after the point.
    private static func quality(_ text: Substring) -> Int? {
        guard text.utf8.count <= 8, let value = Double(text), value >= 0, value <= 1,
            text.utf8.allSatisfy({ $0 == 0x2E || $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        return Int((value * 1000).rounded())
    }
}

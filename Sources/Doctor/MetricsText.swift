/// A page in Prometheus' text format, as another program served it.
struct MetricsText {
    struct Sample {
        var labels: [String: String]
        var value: Double
    }

    private var samples: [String: [Sample]] = [:]

    /// Skips everything that is not a sample.
    init(_ page: [UInt8]) {
        for line in page.split(separator: 0x0A) where line.first != 0x23 {
            guard let (name, sample) = Self.sample(String(decoding: line, as: UTF8.self)) else { continue }
            samples[name, default: []].append(sample)
        }
    }

    func has(_ name: String) -> Bool { samples[name] != nil }

    /// The sum of a family's samples; nil if it has none.
    func sum(_ name: String) -> Double? { samples[name].map { $0.reduce(0) { $0 + $1.value } } }

    /// A label of a family's first sample.
    func label(_ label: String, of name: String) -> String? { samples[name]?.first?.labels[label] }

    private static func sample(_ line: String) -> (String, Sample)? {
        var labels: [String: String] = [:]
        var rest = line[...]
        let name = rest.prefix { $0 != "{" && $0 != " " && $0 != "\t" }
        rest = rest.dropFirst(name.count)
        if rest.hasPrefix("{") {
            guard let end = Self.read(rest.dropFirst(), into: &labels) else { return nil }
            rest = end
        }
        // A timestamp may follow.
        guard let value = rest.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).first.flatMap({ Double($0) })
        else { return nil }
        return name.isEmpty ? nil : (String(name), Sample(labels: labels, value: value))
    }

    /// Parses `a="b",c="d"}`; returns what follows, or nil if it is unterminated.
    private static func read(_ text: Substring, into labels: inout [String: String]) -> Substring? {
        var rest = text
        while let first = rest.first {
            if first == "}" { return rest.dropFirst() }
            if first == "," || first == " " {
                rest = rest.dropFirst()
                continue
            }
            guard let equals = rest.firstIndex(of: "=") else { return nil }
            let name = String(rest[..<equals])
            rest = rest[equals...].dropFirst()
            guard rest.popFirst() == "\"" else { return nil }
            var value = ""
            var isEscaped = false
            while let character = rest.popFirst(), isEscaped || character != "\"" {
                isEscaped = !isEscaped && character == "\\"
                if !isEscaped { value.append(character) }
            }
            labels[name] = value
        }
        return nil
    }
}

/// The samples of a Prometheus text, by name with labels, as printed.
public struct Exposition: Sendable {
    public let samples: [String: String]
    public let types: [String: String]

    public init(_ text: String) throws {
        var samples: [String: String] = [:]
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                types[String(words[2])] = String(words[3])
            }
            guard !line.hasPrefix("#") else { continue }
            guard let space = line.lastIndex(of: " ") else { throw TestFailure("not a sample: \(line)") }
            let name = String(line[..<space])
            guard samples.updateValue(String(line[line.index(after: space)...]), forKey: name) == nil else {
                throw TestFailure("a sample twice: \(name)")
            }
        }
        self.samples = samples
        self.types = types
    }

    /// A sample's value, as an integer.
    public func value(_ name: String) throws -> UInt64 {
        guard let text = samples[name], let value = UInt64(text) else {
            throw TestFailure("\(name) is \(samples[name] ?? "not there")")
        }
        return value
    }

    /// The sum of a family's samples whose labels include all the given ones.
    public func sum(_ name: String, _ labels: String...) -> UInt64 {
        samples.reduce(0) { sum, sample in
            let isOf = sample.key == name || sample.key.hasPrefix(name + "{")
            return isOf && labels.allSatisfy { sample.key.contains($0) } ? sum + (UInt64(sample.value) ?? 0) : sum
        }
    }

    /// Every sample that must never go down: counters, and the parts of histograms.
    public var counters: [String: Double] {
        samples.reduce(into: [:]) { result, sample in
            let name = sample.key.prefix { $0 != "{" }
            let isPart = ["_bucket", "_sum", "_count"].contains { suffix in
                name.hasSuffix(suffix) && types[String(name.dropLast(suffix.count))] == "histogram"
            }
            guard isPart || types[String(name)] == "counter" else { return }
            result[sample.key] = Double(sample.value)
        }
    }

    /// The counters that are lower here than they were before, as text; empty if there are none.
    public func lower(than earlier: Exposition) -> [String] {
        let now = counters
        return earlier.counters.compactMap { name, before in
            guard let value = now[name] else { return "\(name) is gone" }
            return value < before ? "\(name) went from \(before) to \(value)" : nil
        }.sorted()
    }
}

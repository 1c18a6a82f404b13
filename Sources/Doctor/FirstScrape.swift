/// The first sample of our series in a Prometheus: where backfilled history has to end, and at which values.
public struct FirstScrape: Sendable {
    /// UTC, microseconds since 1970.
    public var time: Int64
    /// The labels that Prometheus added: job, instance and others; sorted by name.
    public var labels: [(name: String, value: String)]
    private var values: [Set<Label>: Double]
    /// Whether it stores bucket bounds as `64`, not as `64.0`.
    public var hasPlainBounds: Bool

    private struct Label: Hashable {
        var name: String
        var value: String
    }

    public enum Trouble: Error, CustomStringConvertible {
        case http(HTTPError)
        case refused(status: Int, text: String)
        /// None of our series has that job and instance.
        case none
        /// There are series of several servers; with the labels of each.
        case several([String])

        public var description: String {
            switch self {
            case .http(let error): error.message
            case .refused(let status, let text): "it answered \(status)\(text.isEmpty ? "" : ": \(text)")"
            case .none: "it has no qpc_hook_calls_total with these labels"
            case .several(let targets): "it has series from several servers: \(targets.joined(separator: "; "))"
            }
        }
    }

    /// The value of a series in that scrape, identified without the labels that Prometheus added; nil if it was not scraped.
    public func value(_ name: String, _ labels: [(name: String, value: String)]) -> UInt64? {
        let key = Set((labels + [("__name__", name)]).map { Label(name: $0.name, value: $0.value) })
        return values[key].flatMap { $0 >= 0 && $0 < 0x1p63 ? UInt64($0.rounded()) : nil }
    }

    // MARK: Queries

    /// Blocks until Prometheus has answered four queries.
    ///
    /// - Parameters:
    ///   - labels: the labels that its series must have.
    ///   - since: where the search begins; UTC, microseconds since 1970.
    ///   - now: the current time, in the same unit.
    public static func find(
        _ client: HTTPClient, _ address: HTTPAddress, labels: [(name: String, value: String)], since: Int64, now: Int64
    ) throws(Trouble) -> FirstScrape {
        func ask(_ path: String, _ parameters: [(String, String)]) throws(Trouble) -> JSONNode {
            let query = parameters.map { "\($0.0.percentEncoded)=\($0.1.percentEncoded)" }.joined(separator: "&")
            let answer: HTTPAnswer
            do { answer = try client.get(address, "\(address.path)/api/v1/\(path)?\(query)") } catch { throw .http(error) }
            let json = JSONNode(answer.body)
            guard answer.status == 200, let data = json?["data"] else {
                throw .refused(status: answer.status, text: json?["error"]?.text ?? "")
            }
            return data
        }
        let from = since / 1_000_000
        let until = now / 1_000_000 + 3600
        let any = #"qpc_hook_calls_total{hook="auth""# + labels.map { ",\($0.name)=\(quoted($0.value))" }.joined() + "}"
        let targets = try ask("series", [("match[]", any), ("start", "\(from)"), ("end", "\(until)")]).elements
            .map { $0.texts.filter { $0.key != "__name__" && $0.key != "hook" } }
        guard let target = targets.first else { throw .none }
        guard targets.count == 1 else {
            throw .several(targets.map { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") })
        }
        let own = target.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        let matchers = own.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ",")
        let one = #"qpc_hook_calls_total{hook="auth"\#(matchers.isEmpty ? "" : ",")\#(matchers)}"#
        // Find the first hour that has samples, then the first of them. Prometheus answers with at most 11,000 points.
        let width = max(3600, ((until - from) / 10_000 + 3599) / 3600 * 3600)
        let hours = try ask(
            "query_range",
            [
                ("query", "count_over_time(\(one)[\(width)s])"), ("start", "\(from)"), ("end", "\(until + width)"),
                ("step", "\(width)"),
            ])
        guard let hour = hours["result"]?.elements.first?["values"]?.elements.first?.elements.first?.number else { throw .none }
        let samples = try ask("query", [("query", "\(one)[\(width)s]"), ("time", "\(Int64(hour))")])
        guard let first = samples["result"]?.elements.first?["values"]?.elements.first?.elements.first?.number else {
            throw .none
        }
        let milliseconds = Int64((first * 1000).rounded())
        // All series of a scrape share its timestamp.
        let scrape = try ask(
            "query",
            [
                ("query", #"{__name__=~"qpc_.+"\#(matchers.isEmpty ? "" : ",")\#(matchers)}[1s]"#),
                ("time", "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"),
            ])
        var found = FirstScrape(time: milliseconds * 1000, labels: own, values: [:], hasPlainBounds: false)
        for series in scrape["result"]?.elements ?? [] {
            guard let pair = series["values"]?.elements.last?.elements, pair.count == 2,
                let value = pair[1].text.flatMap({ Double($0) })
            else { continue }
            let labels = series["metric"]?.texts.filter { target[$0.key] == nil } ?? [:]
            found.values[Set(labels.map { Label(name: $0.key, value: $0.value) })] = value
            if labels["le"] == "64" { found.hasPlainBounds = true }
        }
        return found
    }

    private static func quoted(_ value: String) -> String {
        var text = "\""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text + "\""
    }
}

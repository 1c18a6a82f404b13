/// Splits a request's target into path and query.
package enum RequestTarget {
    /// Nil if the target is neither a path nor an absolute URL (RFC 9112, 3.2).
    package static func parse(_ target: String) -> (path: String, query: String)? {
        var rest = target[...]
        if !rest.hasPrefix("/") {
            let lower = target.prefix(8).lowercased()
            let scheme = lower.hasPrefix("http://") ? 7 : lower.hasPrefix("https://") ? 8 : 0
            guard scheme > 0 else { return nil }
            rest = rest.dropFirst(scheme)
            guard let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) else {
                return rest.isEmpty ? nil : ("/", "")
            }
            guard end != rest.startIndex else { return nil }
            rest = rest[end...]
        }
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        guard let question = rest.firstIndex(of: "?") else { return (String(rest), "") }
        let path = rest[..<question]
        return (path.isEmpty ? "/" : String(path), String(rest[rest.index(after: question)...]))
    }
}

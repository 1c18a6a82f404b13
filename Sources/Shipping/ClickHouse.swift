import Doctor

/// Why a ClickHouse server did not do what it was asked.
public enum ClickHouseError: Error {
    case http(HTTPError)
    /// It answered with an error.
    case refused(status: Int, code: Int?, text: String)
    /// What it answered is not what was asked for.
    case strange(String)

    private static let passwords = [192, 193, 194, 516]
    private static let rights = [291, 497]
    private static let tables = [16, 47, 60, 81]

    /// Whether the user is not allowed to.
    public var isRefusal: Bool {
        guard case .refused(let status, let code, _) = self else { return false }
        return code.map { Self.passwords.contains($0) || Self.rights.contains($0) } ?? (status == 401 || status == 403)
    }

    /// Whether trying again cannot help until a person has changed something.
    public var isLasting: Bool {
        switch self {
        case .http(let error):
            switch error {
            case .certificate, .notHTTP, .speaksTLS, .speaksNoTLS, .noAuthorities: true
            default: false
            }
        case .refused(let status, let code, _):
            // 27, 33: it cannot read the rows. 36, 62, 115: it does not know a word or a setting. 164: it is read only for us.
            isRefusal || code.map { Self.tables.contains($0) || [27, 33, 36, 53, 62, 115, 164].contains($0) } ?? (status == 404)
        case .strange: true
        }
    }

    /// Whether the request may have had its effect all the same.
    var isUncertain: Bool {
        switch self {
        case .http: true
        case .refused: !isLasting
        case .strange: true
        }
    }

    public var message: String {
        switch self {
        case .http(let error): return error.message
        case .refused(let status, let code, let text):
            switch code {
            case .some(let code) where Self.passwords.contains(code):
                return "it does not accept the user or the password; give the user in --to and the password with --password-file"
            case .some(let code) where Self.rights.contains(code): return "the user may not do that: \(text)"
            case 81: return "it has no such database; make it, and the tables in it with qpc-metrics ship schema --apply"
            case .some(let code) where Self.tables.contains(code):
                return "the tables are missing or of another version (\(text)); make them with qpc-metrics ship schema --apply"
            default: return text.isEmpty ? "it answers with status \(status)" : text
            }
        case .strange(let what): return "it answers something else than was asked: \(what)"
        }
    }
}

/// One ClickHouse server, asked over HTTP: one request at a time, each on its own connection.
public final class ClickHouse {
    public struct Version: Sendable, Comparable {
        public var major: Int
        public var minor: Int

        public init(_ major: Int, _ minor: Int) {
            self.major = major
            self.minor = minor
        }

        public static func < (one: Version, other: Version) -> Bool {
            (one.major, one.minor) < (other.major, other.minor)
        }
    }

    public let target: ShipTarget
    private var client: HTTPClient
    private let password: String

    /// - Parameter password: empty for none.
    public init(_ target: ShipTarget, password: String, authorityFile: String?) {
        self.target = target
        self.password = password
        client = HTTPClient(authorityFile: authorityFile)
        client.patienceSeconds = 120
    }

    /// Runs a statement, and returns what it answers.
    @discardableResult
    public func ask(_ statement: String, inDatabase: Bool = true) throws(ClickHouseError) -> [UInt8] {
        try request(
            parameters: inDatabase ? [("database", target.database)] : [], body: Array(statement.utf8), isCompressed: false)
    }

    /// The same, as words.
    public func words(_ statement: String) throws(ClickHouseError) -> [[String]] {
        let text = String(decoding: try ask(statement + " FORMAT TabSeparated"), as: UTF8.self)
        return text.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    }

    /// Sends rows.
    ///
    /// - Parameter body: rows, compressed.
    func insert(_ statement: String, settings: [(String, String)], body: [UInt8]) throws(ClickHouseError) {
        _ = try request(
            parameters: [("database", target.database), ("query", statement)] + settings, body: body, isCompressed: true)
    }

    public func version() throws(ClickHouseError) -> Version {
        let text = String(decoding: try ask("SELECT version()", inDatabase: false), as: UTF8.self)
        let parts = text.split(whereSeparator: { $0 == "." || $0 == "\n" }).prefix(2).compactMap { Int($0) }
        guard parts.count == 2 else { throw .strange("'\(text.prefix(60))' as its version") }
        return Version(parts[0], parts[1])
    }

    private func request(
        parameters: [(String, String)], body: [UInt8], isCompressed: Bool
    ) throws(ClickHouseError) -> [UInt8] {
        let query = parameters.map { $0.0 + "=" + $0.1.percentEncoded }.joined(separator: "&")
        var headers = [("X-ClickHouse-User", target.user)]
        if !password.isEmpty { headers.append(("X-ClickHouse-Key", password)) }
        if isCompressed { headers.append(("Content-Encoding", "gzip")) }
        let answer: HTTPAnswer
        do {
            answer = try client.post(target.address, "/" + (query.isEmpty ? "" : "?" + query), headers: headers, body: body)
        } catch {
            throw .http(error)
        }
        let code = Self.code(in: answer)
        // Once it has begun to answer, it can only add an error to what it has said.
        guard answer.status == 200, answer.headers["x-clickhouse-exception-code"] == nil else {
            throw .refused(status: answer.status, code: code, text: Self.firstLine(answer.text))
        }
        return answer.body
    }

    /// `Code: 60, e.displayText() = …`, or `Code: 60. DB::Exception: …`.
    private static func code(in answer: HTTPAnswer) -> Int? {
        if let code = answer.headers["x-clickhouse-exception-code"].flatMap({ Int($0) }) { return code }
        guard let start = answer.text.firstRange(of: "Code: ") else { return nil }
        return Int(answer.text[start.upperBound...].prefix { $0.isASCII && $0.isNumber })
    }

    private static func firstLine(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        return String(line.prefix(300))
    }

    /// A text as a literal of its SQL.
    static func literal(_ text: String) -> String {
        var literal = "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "\\" { literal += "\\" }
            literal.unicodeScalars.append(scalar)
        }
        return literal + "'"
    }
}

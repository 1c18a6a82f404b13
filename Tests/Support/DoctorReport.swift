import Foundation

/// What `qpc-metrics doctor` found.
public struct DoctorReport: Sendable {
    public struct Check: Decodable, Sendable {
        public var check: String
        public var result: String
        public var found: String
        public var remedy: String?

        /// Whether the finding or the remedy contains these words.
        public func says(_ words: String) -> Bool { words.isEmpty || (found + " " + (remedy ?? "")).contains(words) }
    }

    private struct Content: Decodable {
        var ok: Bool
        var failures: Int
        var warnings: Int
        var checks: [Check]
    }

    public let status: Int32
    public let checks: [Check]

    /// - Throws: if the numbers, the exit code and the checks disagree, or a check that is not ok gives no remedy.
    public init(_ outcome: Outcome) throws {
        let content: Content
        do {
            content = try JSONDecoder().decode(Content.self, from: Data(outcome.output))
        } catch {
            throw TestFailure("doctor: status \(outcome.status), \(outcome.errors)\(outcome.text)")
        }
        status = outcome.status
        checks = content.checks
        func count(_ result: String) -> Int { content.checks.filter { $0.result == result }.count }
        guard outcome.errors.isEmpty, content.ok == (status == 0), content.ok == (count("failure") == 0),
            content.failures == count("failure"), content.warnings == count("warning"),
            count("ok") + content.failures + content.warnings == checks.count,
            checks.allSatisfy({ ($0.result == "ok") == ($0.remedy == nil) && $0.remedy != "" && !$0.found.contains("\n") })
        else { throw TestFailure("doctor contradicts itself: status \(status), \(outcome.errors)\(outcome.text)") }
    }

    public func all(_ name: String) -> [Check] { checks.filter { $0.check == name } }

    /// Whether a check has this result, and its finding and remedy contain these words.
    public func has(_ name: String, _ result: String, _ words: String...) -> Bool { has(name, result, words) }

    public func has(_ name: String, _ result: String, _ words: [String]) -> Bool {
        all(name).contains { check in
            check.result == result && words.allSatisfy(check.says)
        }
    }

    /// The checks with a result, without those of this machine's file system and of an exporter nobody asked for.
    public func names(_ result: String) -> [String] {
        checks.filter { $0.result == result }.map(\.check).filter { $0 != "file system" && $0 != "disk space" && $0 != "inodes" }
    }
}

extension CommandLineTool {
    public func doctor(_ arguments: String...) throws -> DoctorReport {
        try DoctorReport(run(["doctor", "-o", "json"] + arguments))
    }
}

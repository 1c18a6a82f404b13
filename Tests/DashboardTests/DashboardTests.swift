import Foundation
import TestSupport
import Testing

/// `dashboards/` as its own check sees it: rules and their tests, boards, runbooks, examples. EndToEndTests covers the rest.
/// The check says what it skips because a tool is missing, and so does this test.
@Suite struct DashboardTests {
    @Test("scripts/check-dashboards finds nothing to blame", .timeLimit(.minutes(10)))
    func theCheckPasses() throws {
        var environment: [String: String] = [:]
        environment["QPC_TEST_PYTHON"] = BuiltProducts.setting("QPC_TEST_PYTHON")
        let outcome = try run(
            [BuiltProducts.packageRoot + "/scripts/check-dashboards"], environment: environment, within: 400)
        #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
        for line in outcome.lines where line.hasPrefix("skipped: ") {
            let parts = line.dropFirst("skipped: ".count).split(separator: ": ", maxSplits: 1).map(String.init)
            skip("dashboards: " + (parts.first ?? ""), because: parts.dropFirst().first ?? "no reason given")
        }
        // A check that stops halfway must not pass as one that found nothing.
        #expect(outcome.lines.count { $0.hasPrefix("ok: ") || $0.hasPrefix("skipped: ") } >= 9, "\(outcome.text)")
    }
}

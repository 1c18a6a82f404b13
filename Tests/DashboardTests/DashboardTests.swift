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
        #expect(outcome.lines.count { $0.hasPrefix("ok: ") || $0.hasPrefix("skipped: ") } >= 14, "\(outcome.text)")
    }

    @Test func theReceiverOfTheComposeFilePrintsWhatItIsSent() throws {
        let place = TemporaryDirectory()
        let receiver = try ChildProcess(
            ["python3", BuiltProducts.packageRoot + "/dashboards/compose/receiver.py", "0"], errorFile: place("errors"))
        let said = try #require(try receiver.line(within: 60))
        let port = try #require(said.split(separator: " ").last.flatMap { Int($0) }, "\(said)")
        let alert = """
            {"alerts": [{"status": "firing", "labels": {"alertname": "QpcPluginDown", "severity": "critical"},
            "annotations": {"summary": "no heartbeat", "runbook_url": "docs/RUNBOOKS.md#qpcplugindown"}}]}
            """
        func post(_ text: String) throws -> String {
            try run(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", text, "http://127.0.0.1:\(port)/pager"]).text
        }
        #expect(try post(alert) == "200")
        #expect(
            try receiver.line(within: 60)
                == "pager  firing  critical  QpcPluginDown  no heartbeat  docs/RUNBOOKS.md#qpcplugindown")
        #expect(try post("[]") == "400")
        #expect(try run(["curl", "-sf", "http://127.0.0.1:\(port)/"]).status == 0)
        receiver.kill(SIGTERM)
        #expect(receiver.wait() == -SIGTERM)
    }
}

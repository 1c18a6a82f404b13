import Glibc
import TestSupport
import Testing

/// Boards, rules and alerts query what exists: every query finds data.
@Suite struct BoardTests {
    @Test("Every panel's and every rule's expression returns data", .timeLimit(.minutes(5)))
    func everyQuestionHasAnAnswer() throws {
        guard try Daemon.isInstalled("prometheus", for: "the boards' and rules' questions") else { return }
        // The made-up traffic of docker-compose.yml.
        let place = DataPlace()
        let traffic = BuiltProducts.packageRoot + "/dashboards/compose/traffic.py"
        let server = try ChildProcess(
            ["python3", traffic, BuiltProducts.plugin, "2000"], environment: ServerHost.environment(place.path),
            errorFile: place.temporary("traffic-errors"))
        let serve = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        var environment: [String: String] = [:]
        environment["QPC_TEST_PYTHON"] = BuiltProducts.setting("QPC_TEST_PYTHON")
        let outcome = try run(
            [
                BuiltProducts.packageRoot + "/scripts/check-dashboards", "--live",
                "http://\(try serve.addresses()[0])/metrics",
            ], environment: environment, within: 240)
        let said = try String(decoding: read(place.temporary("traffic-errors")), as: UTF8.self)
        #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)\(said)")
        for line in outcome.lines where line.hasPrefix("skipped: ") { skip("boards", because: String(line.dropFirst(9))) }
        #expect(outcome.lines.count { $0.hasPrefix("ok: ") } == 2 || outcome.text.contains("skipped: "), "\(outcome.text)")
        // The traffic script ends as docker compose would end it.
        server.kill(SIGTERM)
        #expect(server.wait() == 0)
    }
}

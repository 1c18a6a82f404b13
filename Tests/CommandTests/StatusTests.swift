import Foundation
import TestSupport
import Testing

/// `status`: for people and for monitors.
@Suite struct StatusTests {
    let place = DataPlace()

    private func json() throws -> (status: Int32, fields: [String: Any]) {
        let outcome = try place.tool.run("status", "-o", "json")
        let fields = try JSONSerialization.jsonObject(with: Data(outcome.text.utf8)) as? [String: Any]
        return (outcome.status, try #require(fields))
    }

    @Test func itTellsWhetherTheServerRunsDiedOrWasShutDown() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=300 seed=1")
        let up = try json()
        #expect(up.status == 0)
        #expect(up.fields["plugin"] as? String == "up")
        #expect(up.fields["pid"] as? Int == Int(host.process.pid))
        #expect(up.fields["ok"] as? Bool == true)
        #expect((up.fields["recorded"] as? Int ?? 0) > 600)
        let text = try place.tool.run("status")
        #expect(text.status == 0 && text.text.hasSuffix("all is well\n"))

        host.kill()
        let died = try json()
        #expect(died.status == 1)
        #expect(died.fields["plugin"] as? String == "died")
        #expect((died.fields["problems"] as? [String])?.first?.contains("qpc-metrics recover") == true)

        _ = try place.tool.succeed("recover")
        let stopped = try json()
        #expect(stopped.status == 1)
        #expect(stopped.fields["plugin"] as? String == "stopped")
        #expect(stopped.fields["recorded"] as? Int == died.fields["recorded"] as? Int)
        #expect(stopped.fields["pending"] as? Int == 0)
        #expect((stopped.fields["log_bytes"] as? Int ?? 0) > 4096)
    }

    @Test func whereNothingEverRanThereIsNoInput() throws {
        let outcome = try place.tool.run("status")
        #expect(outcome.status == 66)
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }
}

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

    @Test func itReportsWhetherTheServerRunsDiedOrWasShutDown() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=300 seed=1")
        let up = try json()
        #expect(up.status == 0)
        #expect(up.fields["plugin"] as? String == "up")
        #expect(up.fields["pid"] as? Int == Int(host.process.pid))
        #expect(up.fields["ok"] as? Bool == true)
        #expect((up.fields["recorded"] as? Int ?? 0) > 600)
        #expect((up.fields["lag_seconds"] as? Double ?? -1) >= 0)
        #expect((up.fields["rings"] as? Int ?? 0) >= 2 && up.fields["ring_bytes"] as? Int == 8 << 20)
        let text = try place.tool.run("status")
        let words = ["plugin", "identities", "clock", "events", "lag", "log", "keeps", "settings", "MAX_SIZE=4GiB", "no"]
        #expect(text.lines.map { $0.split(separator: " ").first.map(String.init) } == words, "\(text.text)")
        #expect(text.status == 0 && text.text.hasSuffix("no problems\n"))

        host.kill()
        let died = try json()
        #expect(died.status == 1)
        #expect(died.fields["plugin"] as? String == "died")
        #expect((died.fields["problems"] as? [String])?.first?.contains("qpc-metrics recover") == true)

        _ = try place.tool.succeed("recover")
        let stopped = try json()
        #expect(stopped.status == 1)
        #expect(stopped.fields["plugin"] as? String == "stopped")
        // It remembers how the server ended.
        #expect(stopped.fields["recovered"] as? String != nil)
        #expect((stopped.fields["problems"] as? [String])?.first?.hasPrefix("the server died; its pending events were") == true)
        #expect(try place.tool.run("status").text.hasPrefix("plugin      died, recovered since"))
        // `top` tells the same end, and the size of the log as it is now, not as the dead server knew it.
        let screen = try place.tool.succeed("top", "--once").lines
        #expect(screen[0].contains("DOWN, died ") && screen[0].contains(" ago, recovered since"), "\(screen[0])")
        let size = try place.tool.run("status").lines.first { $0.hasPrefix("log ") }?.split(separator: ",").first ?? ""
        #expect(screen[1].contains("  log \(size.dropFirst(12)), WAL "), "\(screen[1]): \(size)")
        #expect(stopped.fields["recorded"] as? Int == died.fields["recorded"] as? Int)
        #expect(stopped.fields["pending"] as? Int == 0)
        #expect((stopped.fields["log_bytes"] as? Int ?? 0) > 4096)
    }

    /// A frozen process holds its directory but has no heartbeat; the problem names it.
    @Test func aServerWithoutAHeartbeatIsStuck() throws {
        let host = try place.server()
        try host.ask("fetch count=1")
        host.process.kill(SIGSTOP)
        try eventually("it is taken for stuck") { try json().fields["plugin"] as? String == "stuck" }
        let stuck = try json()
        #expect(stuck.status == 1)
        #expect((stuck.fields["problems"] as? [String])?.first?.contains("\(host.process.pid)") == true)
        host.process.kill(SIGCONT)
        try eventually("its heartbeat is back") { try json().status == 0 }
        try host.shutDown()
    }

    @Test func statusTopAndQpcUpAgreeOnThePluginsState() throws {
        func expect(_ name: String, _ words: String, isUp: Bool) throws {
            try eventually("status reports \(name)") { try json().fields["plugin"] as? String == name }
            let screen = try place.tool.succeed("top", "--once").text
            #expect(screen.hasPrefix("qpc-metrics \(words)"), "\(name): \(screen)")
            #expect(try place.tool.succeed("prometheus").lines.contains("qpc_up \(isUp ? 1 : 0)"), "\(name)")
        }
        let host = try place.server()
        try host.ask("fetch count=1")
        try expect("up", "up ", isUp: true)
        host.process.kill(SIGSTOP)
        try expect("stuck", "STUCK for ", isUp: false)
        host.process.kill(SIGCONT)
        try expect("up", "up ", isUp: true)
        host.kill()
        try expect("died", "DOWN, died ", isUp: false)
        try place.server().shutDown()
        try expect("stopped", "DOWN, shut down ", isUp: false)
        unlink(place("live.qpcm"))
        try expect("never ran", "DOWN, waiting for a plugin", isUp: false)
    }

    @Test func whereNothingEverRanThereIsNoInput() throws {
        let outcome = try place.tool.run("status")
        #expect(outcome.status == 66)
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }
}

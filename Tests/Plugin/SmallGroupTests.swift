import Foundation
import TestSupport
import Testing

/// No number of people between 0 and 5 leaves the operator's terminal: who knows a person would learn whether it was that one.
@Suite struct SmallGroupTests {
    @Test("Metrics and the page give no number of people below 5", arguments: [1, 4, 5, 8])
    func people(_ count: Int) throws {
        let place = DataPlace()
        let host = try place.server(["FLUSH_INTERVAL": "10ms"])
        func key(_ person: Int) -> String { hex((0..<32).map { UInt8(truncatingIfNeeded: person &* 31 &+ $0 &* 7) }) }
        for person in 0..<count {
            try host.ask("message sender=\(key(person)) recipient=\(key(100 + person)) channel=\(key(90)) bytes=10 seq=1")
            try host.ask("auth user=text:user-\(person) ok=0 reason=text:locked")
        }
        // Senders and recipients were both seen.
        try eventually("everybody is counted") {
            let people = try place.tool.people()
            return people.waiting == UInt64(count) && people.failing?["1h"] == UInt64(count)
                && people.active["1d"] == UInt64(2 * count)
        }
        let metrics = try place.tool.exposition()
        func shown(_ people: Int) -> UInt64 { UInt64(people == 0 ? 0 : max(5, people)) }
        for window in ["5m", "1h"] {
            #expect(try metrics.value("qpc_auth_failing_users{window=\"\(window)\"}") == shown(count))
        }
        #expect(try metrics.value("qpc_recipients_waiting") == shown(count))
        #expect(try metrics.value("qpc_active_users{window=\"1d\"}") == shown(2 * count))
        let server = try ServeProcess(place, "--web.listen-address", "127.0.0.1:0")
        let page = try run(["curl", "-s", "http://\(try server.addresses()[0])/"]).text
        let text = count <= 5 ? "≤ 5" : "\(count)"
        #expect(
            page.contains("\(text) / \(text)") && !page.contains(">\(count <= 4 ? "\(count) / \(count)" : "none")<"), "\(page)")
        try host.shutDown()
        // An empty place says 0: nobody is nobody.
        let quiet = DataPlace()
        try quiet.server().shutDown()
        #expect(try quiet.tool.exposition().value("qpc_recipients_waiting") == 0)
    }
}

import Foundation
import TestSupport
import Testing

/// `PAIRS=off`: nothing in a row, or shared between rows, links two people.
@Suite struct PairTests {
    let place = DataPlace()

    private func run(_ settings: [String: String]) throws {
        let host = try place.server(settings)
        try AttackerTests.act(host)
        // A message with a sealed sender, and a batch that another person also sends in.
        let key = AttackerTests.keys.map { hex($0) }
        try host.ask("message recipient=\(key[1]) channel=\(hex(AttackerTests.channel)) bytes=7 seq=4")
        for sender in [key[0], key[3], key[0]] {
            try host.ask("stage sender=\(sender) recipient=\(key[2]) channel=\(hex(AttackerTests.channel)) bytes=5 seq=9")
        }
        try host.ask("batch")
        try host.shutDown()
    }

    @Test("Without pairs, an event names at most one person", arguments: ["plain", "pseudonym"])
    func eachKind(mode: String) throws {
        try run(["PAIRS": "off", "IDENTITIES": mode])
        let events = try place.tool.events()
        func fields(_ kind: String) -> [Set<String>] {
            events.filter { $0.kind == kind }.map { Set($0.keys).subtracting(["id", "time", "kind"]) }
        }
        #expect(fields("message_enqueue") == [["sender", "bytes", "seq"], ["bytes", "seq"]])
        let named: Set<String> = ["sender", "bytes", "seq", "batch", "batch_size"]
        let nameless = named.subtracting(["sender"])
        #expect(fields("batch_enqueue") == [named, nameless, named, nameless, nameless])
        #expect(fields("auth") == [["user", "ok", "reason"]])
        #expect(fields("channel_created") == [["initiator", "new"]])
        #expect(fields("fetch") == [["recipient", "count"]])
        #expect(fields("user_registered") == [["user", "identity"]])
        #expect(events.allSatisfy { $0["seq"] == nil || $0["seq"] == .number(0) })
        // Sizes and counts are unchanged.
        #expect(events.compactMap { $0["bytes"]?.number } == [100, 5, 5, 7, 5, 5, 5])
        #expect(try place.log.query("SELECT count(*) FROM channel_name") == [["0"]])
        try place.tool.verify()
        #expect(try place.tool.exposition().value("qpc_sealed_messages_total{path=\"single\"}") == 1)
    }

    @Test("Joining every row with every other links people only where pairs are on", arguments: ["on", "off"])
    func attacker(pairs: String) throws {
        try run(["PAIRS": pairs, "IDENTITIES": "plain"])
        let host = try place.server(["PAIRS": pairs, "IDENTITIES": "plain"])
        _ = try host.tally("drive threads=4 calls=2000 seed=6")
        try host.shutDown()
        let json = try place.tool.succeed("events", "-o", "ndjson").output
        // People in one row, or in rows that share a channel, a batch or the moment of one call.
        var groups: [String: Set<String>] = [:]
        for event in try NDJSON.decode(json) {
            let people = ["sender", "recipient", "initiator", "peer"].compactMap { event[$0]?.text }
            groups["row \(event.id)", default: []].formUnion(people)
            if let channel = event["channel"]?.text { groups["channel \(channel)", default: []].formUnion(people) }
            if let batch = event["batch"]?.number { groups["batch \(batch)", default: []].formUnion(people) }
        }
        let linked = groups.values.count { $0.count > 1 }
        if pairs == "off" { #expect(linked == 0) } else { #expect(linked > 1000) }
        let report =
            try JSONSerialization.jsonObject(
                with: Data(try place.tool.succeed("privacy-report", "-o", "json").output)) as? [String: Any]
        for field in ["linked_pairs", "shared_channels", "shared_batches"] {
            let number = try #require(report?[field] as? Int)
            if pairs == "off" { #expect(number == 0) } else { #expect(number > 0, "\(field)") }
        }
        #expect(report?["pairs_setting"] as? String == pairs)
        try place.tool.verify()
    }

    @Test func recoveryKeepsToTheSetting() throws {
        let host = try place.server(["PAIRS": "off", "IDENTITIES": "plain", "FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        host.kill()
        _ = try place.tool.succeed("recover")
        #expect(try place.tool.count("--identity", hex(AttackerTests.keys[2])) == 0)
        #expect(try place.tool.count("--channel", hex(AttackerTests.channel)) == 0)
        #expect(try place.tool.count() == 7)
    }
}
